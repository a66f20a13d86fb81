"""Requests that are repeated: one with an Idempotency-Key is carried out once, and gets its reply again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from http import HTTPStatus

from fastapi import Response

from newsqa.api.access import Caller
from newsqa.api.problems import RETRY_AFTER, ProblemError
from newsqa.api.service import Service

Respond = Callable[[], Awaitable[Response]]


async def once(
    service: Service, caller: Caller, key: str | None, request: Callable[[], str], respond: Respond
) -> Response:
    """The reply; with a key the one that the same request got in the last 24 hours.

    A kept 202 is given again only while its job is known to go on or to be done; otherwise the request is carried out.

    Args:
        service: keeps the replies.
        caller: whose key it is.
        key: the Idempotency-Key.
        request: gives the request in full, to tell it from others; not asked for without a key.
        respond: carries it out.

    Raises:
        ProblemError: `key-reused` for another request, or `request-in-progress`.
    """
    if key is None:
        return await respond()
    if (caller.id, key) in service.in_progress:
        raise ProblemError("request-in-progress", headers=RETRY_AFTER)
    service.in_progress.add((caller.id, key))
    try:
        return await _once(service, caller, key, sha256(request().encode()).hexdigest(), respond)
    finally:
        service.in_progress.discard((caller.id, key))


async def _once(service: Service, caller: Caller, key: str, fingerprint: str, respond: Respond) -> Response:
    store = service.assistant.library.conversations
    kept = await asyncio.to_thread(store.reply, caller.id, key)
    if kept and kept["request"] != fingerprint:
        raise ProblemError("key-reused")
    if kept and (kept["status"] != HTTPStatus.ACCEPTED or service.jobs.known(json.loads(kept["body"])["id"])):
        headers = {**kept["headers"], "Idempotency-Replayed": "true"}
        return Response(kept["body"], kept["status"], headers, "application/json")
    response = await respond()
    kept = {
        "request": fingerprint,
        "status": response.status_code,
        "headers": {name: response.headers[name] for name in ("Location", "ETag") if name in response.headers},
        "body": bytes(response.body).decode(),
    }
    await asyncio.to_thread(store.keep_reply, caller.id, key, kept)
    return response
