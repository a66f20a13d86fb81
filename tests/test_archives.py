"""Zip archives: what is in them, and what is made to do harm."""

import gzip
import random
import zipfile

import pytest

from newsqa.errors import LoadError
from newsqa.loading.archives import members, unpacked
from newsqa.loading.given import Given
from tests import making


def _members(content: bytes) -> list[Given | LoadError]:
    return list(members(Given("herald.zip", content)))


def _problem(content: bytes) -> str:
    with pytest.raises(LoadError) as raised:
        _members(content)
    return str(raised.value)


def _told(content: bytes) -> list[str]:
    return [str(each) if isinstance(each, LoadError) else each.name for each in _members(content)]


def test_files_come_out_and_what_is_no_article_is_passed_over() -> None:
    content = making.zipped(
        {
            "bridge.txt": making.FERRIES,
            "2025/may/tolls.html": making.TOLLS,
            "2025/": "",
            ".hidden/a.txt": "x",
            "2025/.DS_Store": "x",
            "__MACOSX/bridge.txt": "x",
            "README.md": "x",
            "2025/readme": "x",
        }
    )
    expected = [
        Given("herald.zip!/bridge.txt", making.FERRIES.encode()),
        Given("herald.zip!/2025/may/tolls.html", making.TOLLS.encode()),
    ]
    assert expected == _members(content)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_usual_ways_of_packing_are_read(method: int) -> None:
    assert [Given("herald.zip!/a.txt", b"text")] == _members(making.zipped({"a.txt": "text"}, method=method))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_ways_of_packing_are_refused(method: int) -> None:
    expected = ["herald.zip!/a.txt: is packed in an unusual way; zip it with deflate"]
    assert expected == _told(making.zipped({"a.txt": "text"}, method=method))


@pytest.mark.parametrize(
    "name",
    [
        b"../evil.txt", b"a/../../evil.txt", b"/etc/evil.txt", b"C:/evil.txt", b"c:evil.txt", b"..\\evil.txt",
        b"a\\evil.txt", b"evil.txt\0.html", b"evil\n.txt", b"evil\x1b[31m.txt", b"a/..", b"evil\xe2\x80\xae.txt",
    ],
)  # fmt: skip
def test_a_name_that_leads_out_or_can_not_be_shown_is_refused_and_the_others_go_on(name: bytes) -> None:
    first, second = _told(making.zipped_raw([(name, b"x"), (b"good.txt", b"text")]))
    assert first.startswith("herald.zip!/")
    assert first.endswith(": has a name that leads out of the archive or can't be shown; rename it")
    assert first.isprintable()
    assert "herald.zip!/good.txt" == second


@pytest.mark.parametrize(
    ("lies", "expected"),
    [
        ({"mode": 0o120777}, "is a symbolic link or device, not a file; put the file itself there"),
        ({"mode": 0o020666}, "is a symbolic link or device, not a file; put the file itself there"),
        ({"flags": 0x801}, "is encrypted; add it without a password"),
        ({"method": 97}, "is packed in an unusual way; zip it with deflate"),
        ({"crc": 7}, "is damaged (Bad CRC-32 for file 'a.txt'); zip it again"),
        ({"size": 3}, "is damaged (Bad CRC-32 for file 'a.txt'); zip it again"),
        ({"size": 90}, "is not of the size that the archive says; zip it again"),
        ({"size": 50_000_001}, "has more than 50,000,000 bytes; split it"),
        ({"size": 1_000_001}, "is packed more than 200 to 1, as a zip bomb is; add the unpacked file if it is none"),
    ],
)
def test_a_member_that_lies_is_refused(lies: dict[str, int], expected: str) -> None:
    assert [f"herald.zip!/a.txt: {expected}"] == _told(making.zipped_raw([(b"a.txt", b"some text")], **lies))


def test_a_flat_bomb_is_refused_before_it_is_unpacked() -> None:
    told = _told(making.zipped({"bomb.txt": bytes(40_000_000), "good.txt": "text"}))
    assert ["packed more than 200 to 1" in told[0], "herald.zip!/good.txt"] == [True, told[1]]


def test_members_that_share_bytes_are_refused() -> None:
    content = making.zipped_raw([(b"a.txt", b"some text"), (b"b.txt", b"some text")], at=0)
    assert "herald.zip: its members overlap, as those of a zip bomb do; zip it again" == _problem(content)


def test_a_name_that_stands_twice_is_refused() -> None:
    content = making.zipped_raw([(b"a.txt", b"one"), (b"a.txt", b"two")])
    assert "herald.zip: names one member twice; zip it again" == _problem(content)


def test_too_many_members_and_too_much_in_all_are_refused() -> None:
    many = making.zipped({f"{number}.txt": "" for number in range(10_001)})
    assert "herald.zip: has more than 10,000 members; split it" == _problem(many)
    much = making.zipped_raw([(b"%d.txt" % number, b"x") for number in range(11)], size=49_000_000)
    assert "herald.zip: unpacks to more than 500,000,000 bytes; split it" == _problem(much)


def test_archives_in_archives_are_not_opened() -> None:
    inner = making.zipped({"a.txt": "text"})
    told = _told(making.zipped({"inner.ZIP": inner, "b.tar.gz": b"x"}))
    assert [f"herald.zip!/{name}: is an archive in an archive; unpack it" for name in ("inner.ZIP", "b.tar.gz")] == told


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\3\4" + bytes(100), b"PK\5\6" + b"\xff" * 18])
def test_a_damaged_archive_says_so(content: bytes) -> None:
    assert _problem(content).startswith("herald.zip: is a damaged archive (")


def test_what_gzip_packed_is_unpacked_in_all_its_parts_and_the_rest_stays_as_it_is() -> None:
    packed = gzip.compress(b"The ferry ") + gzip.compress(b"sails.") + b"\0" * 9
    assert Given("ferry.txt", b"The ferry sails.") == unpacked(Given("ferry.txt.gz", packed, "", "application/gzip"))
    plain = Given("ferry.txt", b"The ferry sails.", "", "text/plain")
    assert plain == unpacked(plain)


BAD_GZIP = {
    "a bomb": (gzip.compress(bytes(30_000_000)), "unpacks to more"),
    "a bomb of many parts": (gzip.compress(bytes(900_000)) * 9, "unpacks to more"),
    "cut off": (gzip.compress(random.Random(1).randbytes(5000))[:-900], "is cut off"),
    "damaged": (b"\x1f\x8b\x08\0" + b"x" * 99, "is damaged"),
}


@pytest.mark.parametrize(("content", "words"), BAD_GZIP.values(), ids=BAD_GZIP)
def test_what_can_not_be_unpacked_is_refused_by_name(content: bytes, words: str) -> None:
    with pytest.raises(LoadError, match=rf"^ferry\.gz: {words}.*; "):
        unpacked(Given("ferry.gz", content))
