"""Requests that are repeated: one with an Idempotency-Key is carried out once, and gets its reply again."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256

from fastapi import Response

from newsqa.api.access import Caller
from newsqa.api.problems import ProblemError
from newsqa.api.service import Service

Respond = Callable[[], Awaitable[Response]]


async def once(service: Service, caller: Caller, key: str | None, request: str, respond: Respond) -> Response:
    """The reply; with a key the one that the same request got in the last 24 hours.

    Raises:
        ProblemError: `key-reused` for another request, or `request-in-progress`.
    """
    if key is None:
        return await respond()
    store, fingerprint = service.assistant.library.conversations, sha256(request.encode()).hexdigest()
    kept = await asyncio.to_thread(store.reply, caller.id, key)
    if kept is None:
        return await _first(service, caller, key, fingerprint, respond)
    if kept["request"] != fingerprint:
        raise ProblemError("key-reused")
    headers = {**kept["headers"], "Idempotency-Replayed": "true"}
    return Response(kept["body"], kept["status"], headers, "application/json")


async def _first(service: Service, caller: Caller, key: str, fingerprint: str, respond: Respond) -> Response:
    if (caller.id, key) in service.in_progress:
        raise ProblemError("request-in-progress", headers={"Retry-After": "2"})
    service.in_progress.add((caller.id, key))
    try:
        response = await respond()
        kept = {
            "request": fingerprint,
            "status": response.status_code,
            "headers": {name: response.headers[name] for name in ("Location", "ETag") if name in response.headers},
            "body": bytes(response.body).decode(),
        }
        store = service.assistant.library.conversations
        await asyncio.to_thread(store.keep_reply, caller.id, key, kept)
        return response
    finally:
        service.in_progress.discard((caller.id, key))
