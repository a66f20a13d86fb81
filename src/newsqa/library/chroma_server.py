"""Chroma on a server, which several processes may share: made sure of, and filled with what it lacks."""

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

_LOOK_SECONDS = 3.0
_REQUEST_SECONDS = 10.0
_MISSING = 404


class ChromaServer:
    """A server with one collection a library; what is in it is compared with the catalogue when it is connected to."""

    looks_after = 2.0
    remedy = "start it, or correct NEWSQA_CHROMA_URL; until then all passages are compared, which is exact but slower"

    def __init__(self, url: str, catalogue: Catalogue) -> None:
        """Asks nothing yet."""
        self._url, self._catalogue = url.rstrip("/"), catalogue
        self._collection = f"newsqa-{catalogue.id()}"

    def __str__(self) -> str:
        return f"the Chroma server {self._url}"

    def is_doubtful(self) -> bool:
        """Whether it is to be tried: always, as it may end at any time."""
        return True

    def look(self) -> None:
        """Makes sure that it answers, and is Chroma's Rust server: the Python one has no such address."""
        try:
            with urlopen(f"{self._url}/api/v2/healthcheck", timeout=_LOOK_SECONDS):  # noqa: S310  # http or https, by the setting
                pass
        except HTTPError as error:
            with error:
                if error.code != _MISSING:
                    raise
            raise LibraryError("it is not the server that `chroma run` starts, and no other is safe") from None
        except URLError as error:
            raise ConnectionError(str(error.reason)) from error

    def open(self, *, alone: bool) -> Vectors | None:
        """The vectors, once it is noted what they lack; None where another process has yet to make them."""
        self.look()
        client = self._client()
        known = self._is_there(client)
        if not known and not alone:
            _close(client)
            return None
        if not known:
            self._catalogue.unsettle()  # before it is there: else it would be asked while it is empty
        vectors = Vectors(client, self._collection, partial(_close, client))
        if known and alone:
            self._catalogue.unsettle(vectors.ids() ^ set(self._catalogue.passage_ids()))
        return vectors

    def forget(self) -> None:
        """Deletes what it has of this library."""
        try:
            self.look()
            client = self._client()
            if self._is_there(client):
                self._catalogue.unsettle()
                client.delete_collection(self._collection)
            _close(client)
        except OSError as error:
            raise LibraryError(f"{self} can't be used ({error}): {self.remedy}") from error

    def note_closing(self) -> None:
        """Nothing: it goes on."""

    def _client(self) -> "ClientAPI":
        from chromadb import HttpClient
        from chromadb.config import Settings

        address = urlsplit(self._url)
        secure = address.scheme == "https"
        port = address.port or (443 if secure else 80)
        client = HttpClient(address.hostname or "", port, secure, settings=Settings(anonymized_telemetry=False))
        for each in _sessions(client):
            each.timeout = _REQUEST_SECONDS  # they wait for ever, and no setting changes that
        return client

    def _is_there(self, client: "ClientAPI") -> bool:
        from chromadb.errors import NotFoundError

        try:
            client.get_collection(self._collection)
        except NotFoundError:
            return False
        return True


def _close(client: "ClientAPI") -> None:
    client.close()  # type: ignore[attr-defined]  # missing from its protocol
    for each in _sessions(client):
        each.close()


def _sessions(client: "ClientAPI") -> list[Any]:
    """What the client sends its requests by; it closes them no more than it bounds their time."""
    whole: Any = client
    return [each._server._session for each in (whole, whole._admin_client)]  # noqa: SLF001  # nothing public leads there
