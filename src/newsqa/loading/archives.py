"""Zip archives are opened with care: what is in them comes out one file at a time, and never more than it says."""

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from newsqa.errors import LoadError
from newsqa.loading.given import Given

MAX_MEMBERS = 10_000
MAX_MEMBER_BYTES = 50_000_000
MAX_TOTAL_BYTES = 500_000_000
MAX_UNPACKED_BYTES = 200_000_000
MAX_RATIO = 200
_RATIO_FROM = 1_000_000
_GZIP = b"\x1f\x8b"
_CENTRAL = b"PK\x01\x02"
_LOCAL_BYTES = 30
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\]|^/|^[A-Za-z]:|(?:^|/)\.\.(?:/|$)")
_ARCHIVES = frozenset({".zip", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz", ".zst", ".jar"})


def members(given: Given) -> Iterator[Given | LoadError]:
    """The files of a zip archive, named `archive.zip!/path`; what is wrong with one of them does not stop the others.

    Folders, hidden files, what macOS adds and READMEs are passed over.

    Raises:
        LoadError: the archive as a whole can't be read, or is made to be larger than it looks.
    """
    with opened(given) as archive:
        for info in archive.infolist():
            if _UNFIT.search(info.orig_filename) or _wanted(info.filename):
                yield _member(given, archive, info)


def opened(given: Given) -> zipfile.ZipFile:
    """The archive, once its list of members is known to be sound: bounded, without overlaps and doubles.

    Raises:
        LoadError: it is not.
    """
    if given.content.count(_CENTRAL) > MAX_MEMBERS:
        raise LoadError(f"{given.name}: has more than {MAX_MEMBERS:,} members; split it")
    try:
        archive = zipfile.ZipFile(io.BytesIO(given.content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OverflowError, OSError) as error:
        raise LoadError(f"{given.name}: is a damaged archive ({_reason(error)}); zip it again") from error
    infos = archive.infolist()
    if sum(info.file_size for info in infos) > MAX_TOTAL_BYTES:
        raise LoadError(f"{given.name}: unpacks to more than {MAX_TOTAL_BYTES:,} bytes; split it")
    if len({info.orig_filename for info in infos}) < len(infos):
        raise LoadError(f"{given.name}: names one member twice; zip it again")
    if _overlapping(infos):
        raise LoadError(f"{given.name}: its members overlap, as those of a zip bomb do; zip it again")
    return archive


def content_of(given: Given, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The bytes of a member of a sound archive, never more than its header says.

    Raises:
        LoadError: it is encrypted, damaged, packed in an unusual way or beyond the limits; the message names it.
    """
    name = f"{given.name}!/{_shown(info.orig_filename)}"
    if problem := _problem(info):
        raise LoadError(f"{name}: {problem}")
    try:
        with archive.open(info) as stream:
            content = stream.read(MAX_MEMBER_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise LoadError(f"{name}: is damaged ({_reason(error)}); zip it again") from error
    if len(content) != info.file_size:
        raise LoadError(f"{name}: is not of the size that the archive says; zip it again")
    return content


def unpacked(given: Given) -> Given:
    """What is packed by gzip (`sitemap.xml.gz`, `articles.jsonl.gz`), unpacked; everything else as it is.

    Raises:
        LoadError: it is damaged, or unpacks to more than 200 MB, or to more than 200 times its size.
    """
    packed, pieces, left = given.content, list[bytes](), MAX_UNPACKED_BYTES
    if not packed.startswith(_GZIP):
        return given
    left = min(left, max(_RATIO_FROM, MAX_RATIO * len(packed)))
    try:
        while packed.startswith(_GZIP):  # it may have several parts
            unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            pieces.append(unpacking.decompress(packed, left + 1))
            left -= len(pieces[-1])
            if left < 0 or not unpacking.eof:
                told = (
                    "unpacks to more than a file may hold; unpack it and split it"
                    if left <= 0
                    else "is cut off; get it again"
                )
                raise LoadError(f"{given.name}: {told}")
            packed = unpacking.unused_data
    except zlib.error as error:
        raise LoadError(f"{given.name}: is damaged ({_reason(error)}); pack it again") from error
    return replace(given, name=given.name.removesuffix(".gz"), content=b"".join(pieces), content_type="")


def _member(given: Given, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Given | LoadError:
    name = f"{given.name}!/{_shown(info.orig_filename)}"
    if _UNFIT.search(info.orig_filename) or not info.filename.isprintable():
        return LoadError(f"{name}: has a name that leads out of the archive or can't be shown; rename it")
    if PurePosixPath(info.filename).suffix.lower() in _ARCHIVES:
        return LoadError(f"{name}: is an archive in an archive; unpack it")
    try:
        return Given(name, content_of(given, archive, info))
    except LoadError as error:
        return error


def _wanted(name: str) -> bool:
    parts = [part for part in name.split("/") if part]
    hidden = any(part == "__MACOSX" or (part[0] == "." and part.strip(".")) for part in parts)
    return bool(parts) and not name.endswith("/") and not hidden and parts[-1].split(".")[0].upper() != "README"


def _problem(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted; add it without a password"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is a symbolic link or device, not a file; put the file itself there"
    if info.compress_type not in _METHODS:
        return "is packed in an unusual way; zip it with deflate"
    if info.file_size > MAX_MEMBER_BYTES:
        return f"has more than {MAX_MEMBER_BYTES:,} bytes; split it"
    if info.file_size > max(_RATIO_FROM, MAX_RATIO * info.compress_size):
        return f"is packed more than {MAX_RATIO} to 1, as a zip bomb is; add the unpacked file if it is none"
    return ""


def _overlapping(infos: list[zipfile.ZipInfo]) -> bool:
    """Whether two members share bytes: so a small file unpacks to terabytes."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            return True
        end = info.header_offset + _LOCAL_BYTES + info.compress_size
    return False


def _shown(name: str) -> str:
    return "".join(char if char.isprintable() else "�" for char in name[:200])


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
