"""What a server sends: whether its headers promise something to read, and its content, unpacked within bounds."""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO

from newsqa.errors import LoadError

_STEP = 1 << 20  # bytes that are unpacked at a time
_MOST_MEMBERS = 1000
_MOST_PIECES = 200_000
_GZIP = 0x1F  # a member's first byte
_GZIP_FRAME = 16 + zlib.MAX_WBITS
_MAX_VALUE_CHARS = 1000
_FIRST_FAILURE = 400
_PLAIN = re.compile(r"[\x20-\x7e]*")
_KIND = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}")
_TEXTS = {"application/xhtml+xml", "application/xml", "application/json", "application/x-ndjson", "application/jsonl"}
_FILES = {
    "application/pdf",
    "application/epub+zip",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/zip",
    "application/octet-stream",
    "application/gzip",
    "application/x-gzip",
}
_OTHER_MEDIA = ("image/", "audio/", "video/", "font/", "model/", "multipart/")


class StatusError(LoadError):
    """A server answers, but not with a page."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Head:
    """The headers of an answer, by names in lower case."""

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, list[str]] = {}
        for key, value in headers:
            self._values.setdefault(key.decode("latin-1").lower(), []).append(value.decode("latin-1").strip())

    def first(self, name: str) -> str:
        """The first value of a header, if it is plain, else empty."""
        return plain(self._values.get(name, [""])[0])

    def all(self, name: str) -> str:
        """All values of a header, joined by commas."""
        return ", ".join(self._values.get(name, ()))

    def locations(self) -> list[str]:
        """Where the answer leads to, each once; browsers read UTF-8 there."""
        values = dict.fromkeys(self._values.get("location", ()))
        return [value.encode("latin-1").decode("utf-8", "replace") for value in values]


def plain(value: str) -> str:
    """A header's value where it is ASCII of up to 1,000 characters on one line, else empty."""
    return value if len(value) <= _MAX_VALUE_CHARS and _PLAIN.fullmatch(value) else ""


def check_status(name: str, status: int, wait: float) -> None:
    """Raises StatusError for a status that is no page; `wait` is how many seconds the server asks for."""
    if status in (401, 403):
        reason = "wants a login, or lets no programs in; save the page as a file and add that"
    elif status in (429, 503) and wait:
        reason = f"has too much to do (status {status}); try again in {wait:.0f} s"
    elif status >= _FIRST_FAILURE:
        reason = f"answers with status {status}; check the address, or try again later"
    else:
        reason = f"answers with status {status}, which holds no page; check the address"
    if status not in (200, 203):
        raise StatusError(f"{name}: {reason}", status)


def check_promise(name: str, head: Head, most: int) -> None:
    """Raises LoadError where the headers promise something that can't be read, or more than `most` bytes."""
    kind = head.all("content-type").partition(";")[0].strip().lower()
    if not _readable(kind):
        told = f"of the kind {kind}" if _KIND.fullmatch(kind) else "of no known kind"
        raise LoadError(f"{name}: is no text, but {told}; add pages, feeds and documents only")
    if _packing(head) not in ("", "gzip", "deflate"):
        raise LoadError(f"{name}: is packed in a way that was not asked for; save the page as a file and add that")
    length = head.all("content-length")
    if length.isdecimal() and int(length[:20]) > most:
        raise _too_large(name, most)


def content(name: str, pieces: Iterable[bytes], head: Head, most: int) -> bytes:
    """The content, unpacked; at no time more than `most` bytes and one step of it are in memory.

    Raises:
        LoadError: it is larger, or not packed as the headers say, or broken off.
    """
    whole, packing = BytesIO(), _packing(head)
    counted = _counted(name, pieces, most)
    try:
        for part in _unpacked(counted, packing) if packing else counted:
            whole.write(part)
            if whole.tell() > most:
                raise _too_large(name, most)
    except (zlib.error, EOFError) as error:
        raise LoadError(f"{name}: is not packed as it says, or broken off; try again later") from error
    return whole.getvalue()


class _Inflater:
    """Unpacks gzip of several members, and deflate with the frame that RFC 9110 asks for or without."""

    def __init__(self, packing: str) -> None:
        self._packing = packing
        self._members = 0
        self._stream: zlib._Decompress | None = None

    def parts(self, data: bytes) -> Iterator[bytes]:
        """What comes of the next piece, in steps."""
        while data and (stream := self._member(data[0])):
            yield stream.decompress(data, _STEP)
            data = stream.unused_data if stream.eof else stream.unconsumed_tail

    def rest(self) -> Iterator[bytes]:
        """What the last step held back. Raises EOFError where the end is missing."""
        while self._stream and not self._stream.eof:
            part = self._stream.decompress(b"", _STEP)
            if not part and not self._stream.eof:
                raise EOFError
            yield part

    def _member(self, first: int) -> "zlib._Decompress | None":
        """What unpacks data that begin with this byte; none where they only trail behind the end."""
        if self._stream and not self._stream.eof:
            return self._stream
        if self._stream and not (self._packing == "gzip" and first == _GZIP):
            return None
        self._members += 1
        if self._members > _MOST_MEMBERS:
            raise zlib.error("too many members")
        framed = _GZIP_FRAME if self._packing == "gzip" else zlib.MAX_WBITS
        # The low half of the first byte tells the frame: no bare deflate begins with 8.
        bare = self._packing == "deflate" and first & 15 != zlib.DEFLATED
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS if bare else framed)
        return self._stream


def _unpacked(pieces: Iterable[bytes], packing: str) -> Iterator[bytes]:
    inflater = _Inflater(packing)
    for piece in pieces:
        yield from inflater.parts(piece)
    yield from inflater.rest()


def _counted(name: str, pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    """The pieces as they come, so long as they are not too many."""
    came = 0
    for number, piece in enumerate(pieces):
        came += len(piece)
        if came > most:
            raise _too_large(name, most)
        if number > _MOST_PIECES:
            raise LoadError(f"{name}: comes in crumbs; save the page as a file and add that")
        yield piece


def _readable(kind: str) -> bool:
    """Whether a media type may be text, a feed or a document; none given may."""
    if kind.startswith(_OTHER_MEDIA):
        return False
    return not kind or kind.startswith("text/") or kind.endswith(("+xml", "+json")) or kind in _TEXTS | _FILES


def _packing(head: Head) -> str:
    packing = head.all("content-encoding").lower()
    return {"identity": "", "x-gzip": "gzip"}.get(packing, packing)


def _too_large(name: str, most: int) -> LoadError:
    return LoadError(f"{name}: has more than {most:,} bytes; add a shorter page")
