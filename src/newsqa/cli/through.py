"""Has a command's work done by the running server that has the library open."""

import json
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from newsqa.domain import Filters, Origin, Turn, to_json
from newsqa.errors import LibraryError, LibraryLockedError, NewsqaError

if TYPE_CHECKING:
    from newsqa.cli.printing import IntakeProgress
    from newsqa.library.ownership import Owner

_CONNECT_SECONDS = 5.0
_READY_SECONDS = 60.0
"""For a server to be ready, or to have room."""
_PASSING = frozenset({"not-ready", "too-busy"})
"""What a server says that is another thing a little later."""
_STRANGE = frozenset({"not-found", "missing-key", "unknown-key", "scope-too-small"})
"""What a server says that is of another version than this command."""


def running_server() -> "tuple[Owner, Path] | None":
    """The server that has the library open, and the library's folder; None where no server has it.

    None too where a setting is out of bounds: who opens the library here is told which.
    """
    from pydantic import ValidationError

    from newsqa.library.ownership import server_of
    from newsqa.settings import Settings

    try:
        settings = Settings()
    except ValidationError:
        return None
    shared = settings.database_url.get_secret_value()  # a database is everybody's: no process has it alone
    server = None if shared else server_of(settings.data_dir)
    return (server, settings.data_dir) if server else None


class Through:
    """The server's desk, as `Here` is this process's own; what it refuses is raised as a NewsqaError."""

    def __init__(self, server: "Owner", folder: Path, ready_seconds: float = _READY_SECONDS) -> None:
        """Asks nothing yet; waits so long for a server that is not ready."""
        self._server, self._folder, self._ready_seconds = server, folder, ready_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def counts(self) -> dict[str, int]:
        """Number of `articles` and `passages`."""
        told: dict[str, int] = self._errand("counts")
        return told

    def ask(self, question: str, filters: Filters, history: Sequence[Turn]) -> Any:
        """The answer."""
        return self._errand("ask", question=question, filters=to_json(filters), history=to_json(history))

    def articles(self) -> Any:
        """The `articles` without their texts, and their `origins`."""
        return self._errand("articles")

    def article(self, id: str) -> Any:
        """An article with its text."""
        return self._errand("article", id=id)

    def remove(self, ids: Sequence[str]) -> None:
        """Removes articles, all or none."""
        self._followed("remove", None, ids=ids)

    def origins(self, forget: Sequence[str]) -> Any:
        """The origins, once these are forgotten."""
        return self._errand("origins", forget=forget)

    def take(self, origins: Sequence[Origin] | None, *, prune: bool, progress: "IntakeProgress | None" = None) -> Any:
        """What an intake of these origins comes to; of all that were ever named, where none are given."""
        given = {"origins": to_json(origins), "prune": prune, "standpoint": str(Path.cwd())}
        return self._followed("intake", progress, **given)

    def _followed(self, errand: str, progress: "IntakeProgress | None", **given: Any) -> Any:
        """What a job comes to. The server ends it when this process does; Ctrl-C waits until it has."""
        job = ""
        try:
            for step, value in self._steps(errand, given):
                if step == "job":
                    job = value
                elif step == "done":
                    return value[0]
                elif step == "refused":
                    raise self._refusal(value)
                elif step in {"expected", "one", "passages"} and progress:
                    getattr(progress, step)(value)
        except KeyboardInterrupt:
            if job:
                self._sent("GET", f"/v1/jobs/{job}/events").read()  # to its end
            raise
        raise LibraryError(f"{self._named()} broke off; what was stored stays, the same command goes on from there")

    def _steps(self, errand: str, given: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        with self._reply(errand, given) as reply:
            try:
                yield from map(json.loads, reply)
            except (OSError, HTTPException):
                return  # the server has ended

    def _errand(self, name: str, **given: Any) -> Any:
        with self._reply(name, given) as reply:
            return json.loads(reply.read())

    def _reply(self, errand: str, given: dict[str, Any]) -> HTTPResponse:
        """The reply, once the server is ready and has room.

        Raises:
            NewsqaError: it refuses.
        """
        deadline = monotonic() + self._ready_seconds
        while (reply := self._sent("POST", f"/v1/errands/{errand}", given)).status != HTTPStatus.OK:
            problem = json.loads(reply.read())
            if _kind(problem) not in _PASSING or monotonic() >= deadline:
                raise self._refusal(problem)
            sleep(float(reply.headers.get("Retry-After", "1")))
        return reply

    def _sent(self, method: str, path: str, given: dict[str, Any] | None = None) -> HTTPResponse:
        headers = {"Authorization": f"Bearer {self._server.secret}", "Content-Type": "application/json"}
        connection = HTTPConnection(urlsplit(self._server.url).netloc, timeout=_CONNECT_SECONDS)
        try:
            connection.connect()
            connection.sock.settimeout(None)  # an answer takes its time, and an intake as long as it takes
            connection.request(method, path, json.dumps(given), {**headers, "Connection": "close"})
            return connection.getresponse()
        except (OSError, HTTPException) as error:
            told = f"{self._named()} does not answer ({error}): wait until it has ended, or end it, and try again"
            raise LibraryLockedError(told) from error

    def _refusal(self, problem: dict[str, Any]) -> NewsqaError:
        """What the server says, as this process would have said it."""
        kind = _kind(problem)
        if kind in _PASSING:
            told = f"{self._named()} is not ready for this after {self._ready_seconds:.0f} s ({problem['detail']})"
            return LibraryLockedError(f"{told}: try again later, or end it and start it anew; its log tells more")
        if kind in _STRANGE:
            return LibraryLockedError(f"{self._named()} does not know this command ({kind}): start it anew")
        if kind == "internal-error":
            return LibraryError(f"{self._named()} failed; its log tells more of {problem['request_id']}")
        return NewsqaError(problem["detail"])

    def _named(self) -> str:
        return f"the server with pid {self._server.pid} at {self._server.url}, which has the library {self._folder},"


def _kind(problem: dict[str, Any]) -> str:
    """The name of its kind."""
    return str(problem["type"]).rpartition(":")[2]
