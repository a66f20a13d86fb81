"""Chroma on a server, which several processes may share: made sure of, and filled with what it lacks."""

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from newsqa.errors import LibraryError
from newsqa.library.catalogue import Catalogue
from newsqa.library.vectors import Vectors

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.config import Settings
    from sqlalchemy import Connection

_LOOK_SECONDS = 3.0
_REQUEST_SECONDS = 10.0
_MISSING = 404
_CLIENTS = ("auth/identity", "tenants/default_tenant/databases/default_database")
"""What a client asks before it can be closed: it leaves its connections open where that fails."""
_MADE = "collection in Chroma"
"""A setting of the catalogue's own: the id of the collection that has the vectors, so that no other is taken for it."""


class ChromaServer:
    """A server with one collection a library; what is in it is compared with the catalogue when it is connected to.

    What Chroma lacks is noted once for all processes, so they have to have the same collection: whose server has
    another one makes it the library's where no other process uses that one, and else compares all passages.
    """

    looks_after = 2.0
    remedy = "start it, or correct NEWSQA_CHROMA_URL; until then all passages are compared, which is exact but slower"

    def __init__(self, url: str, catalogue: Catalogue) -> None:
        """Asks nothing yet."""
        self._url, self._catalogue = url.rstrip("/"), catalogue
        self._collection = f"newsqa-{catalogue.id()}"
        self._opened: tuple[ClientAPI, Connection] | None = None

    def __str__(self) -> str:
        return f"the Chroma server {self._url}"

    def is_doubtful(self) -> bool:
        """Whether it is to be tried: always, as it may end at any time."""
        return True

    def look(self) -> None:
        """Makes sure that it answers, and has this library's collection still."""
        self._answer()
        if self._opened:
            client, use = self._opened
            use.exec_driver_sql("SELECT 1")
            use.commit()
            if self._is_other(client):
                raise LibraryError("its vectors of this library are gone, or not in use any longer")

    def open(self, *, alone: bool) -> Vectors | None:
        """The vectors, once it is noted what they lack; None where another process has yet to make them."""
        with ExitStack() as opened:
            client = self._client(opened)
            if alone and self._is_other(client):
                self._adopt(client)
            use = opened.enter_context(self._catalogue.using.tried(alone=False))
            if use is None or self._is_other(client):
                return None
            kept = ExitStack()
            vectors = Vectors(client, self._collection, kept.close)
            if alone:
                self._catalogue.unsettle(vectors.ids() ^ set(self._catalogue.passage_ids()))
            self._opened = client, use
            kept.enter_context(opened.pop_all())
            return vectors

    def forget(self) -> None:
        """Deletes what it has of this library, and begins anew."""
        try:
            with ExitStack() as opened:
                client = self._client(opened)
                if not self._is_other(client):
                    self._make(client)
        except LibraryError:
            raise
        except Exception as error:  # Chroma's errors share no class
            raise LibraryError(f"{self} can't be used ({error}): {self.remedy}") from error

    def note_closing(self) -> None:
        """Nothing: it goes on."""

    def _adopt(self, client: "ClientAPI") -> None:
        """Makes this server the one that the library is in.

        Raises:
            LibraryError: other processes use another one.
        """
        with self._catalogue.using.tried(alone=True) as alone:
            if alone is None:
                raise LibraryError(
                    "it is another Chroma server than the one this library is in: "
                    "set NEWSQA_CHROMA_URL to the same server on every machine"
                )
            self._make(client)

    def _make(self, client: "ClientAPI") -> None:
        if _there(client, self._collection):
            client.delete_collection(self._collection)
        self._catalogue.unsettle()  # before it is there: else it would be asked while it is empty
        Vectors(client, self._collection, lambda: None)
        self._catalogue.set_settings({_MADE: _there(client, self._collection)})

    def _is_other(self, client: "ClientAPI") -> bool:
        """Whether the library is not in the collection that is there, or none is."""
        there = _there(client, self._collection)
        return not there or there != self._catalogue.settings().get(_MADE)

    def _answer(self) -> None:
        """Makes sure that it answers, and is Chroma's Rust server: the Python one has no such address."""
        try:
            self._ask("healthcheck")
        except HTTPError as error:
            if error.code != _MISSING:
                raise
            raise LibraryError("it is not the server that `chroma run` starts, and no other is safe") from None

    def _ask(self, what: str) -> None:
        try:
            with urlopen(f"{self._url}/api/v2/{what}", timeout=_LOOK_SECONDS):  # noqa: S310  # http or https, by the setting
                pass
        except HTTPError as error:
            error.close()
            raise
        except URLError as error:
            raise ConnectionError(str(error.reason)) from error

    def _client(self, opened: ExitStack) -> "ClientAPI":
        """A client, which is closed with `opened`."""
        from chromadb import HttpClient
        from chromadb.config import Settings

        self._answer()
        for each in _CLIENTS:
            self._ask(each)
        address, settings = urlsplit(self._url), Settings(anonymized_telemetry=False)
        secure = address.scheme == "https"
        port = address.port or (443 if secure else 80)
        opened.callback(partial(_close, settings))
        client = HttpClient(address.hostname or "", port, secure, settings=settings)
        for each in _sessions(settings).values():
            each.timeout = _REQUEST_SECONDS  # they wait for ever, and no setting changes that
        return client


def _there(client: "ClientAPI", collection: str) -> str:
    """The id of a collection; empty where there is none."""
    from chromadb.errors import NotFoundError

    try:
        return str(client.get_collection(collection).id)
    except NotFoundError:
        return ""


def _close(settings: "Settings") -> None:
    """Closes the client with these settings, or what is left of one that failed: its own `close` leaves half of it."""
    from chromadb.api.shared_system_client import SharedSystemClient

    for name, session in _sessions(settings).items():
        session.close()
        SharedSystemClient._release_system(name)  # noqa: SLF001  # nothing public leads there


def _sessions(settings: "Settings") -> dict[str, Any]:
    """What the client sends its requests by, by Chroma's names of them."""
    from chromadb.api import ServerAPI
    from chromadb.api.shared_system_client import SharedSystemClient

    systems: Any = SharedSystemClient._identifier_to_system  # noqa: SLF001  # nothing public leads there
    ours = {name: system for name, system in list(systems.items()) if system.settings is settings}
    return {name: system.instance(ServerAPI)._session for name, system in ours.items()}  # noqa: SLF001  # likewise
