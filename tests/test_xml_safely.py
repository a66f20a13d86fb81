"""XML of strangers: what is read, and what is refused."""

import pytest

from newsqa.errors import LoadError
from newsqa.loading.xml_safely import MAX_DEPTH, tree


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"<a>caf&eacute;&nbsp;&amp;&lt;&hellip;</a>", "café\xa0&<…"),
        (b"<a>&LT;b&amp;nbsp;</a>", "<b&nbsp;"),
        (b"<?xml version='1.0' encoding='windows-1252'?><a>\x93\xe9\x94</a>", "“é”"),
        ("<?xml version='1.0' encoding='utf-16'?><a>é</a>".encode("utf-16"), "é"),
        ("<a>é</a>".encode("utf-16-be"), "é"),
        (b"\xef\xbb\xbf\n <?xml version='1.0'?><a>b</a>", "b"),
        (b'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://x.example/[x">\n<a>b</a>', "b"),
        (b"<!-- <!DOCTYPE a [<!ENTITY b 'c'>]> --><a>b</a>", "b"),
        (b"<a><![CDATA[<!DOCTYPE a [<!ENTITY b 'c'>]>]]></a>", "<!DOCTYPE a [<!ENTITY b 'c'>]>"),
    ],
)
def test_text_is_read_in_its_encoding_and_with_the_characters_that_html_names(content: bytes, expected: str) -> None:
    assert expected == tree("feed.xml", content).text


ENTITY = "[<!ENTITY b 'c'>]><a>&b;</a>"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"<!DOCTYPE a {ENTITY}", "declares entities or a grammar; save it without a DOCTYPE"),
        (f"<!-- < --><?x?>\n<!DOCTYPE a SYSTEM '>' {ENTITY}".encode("utf-16"), "declares entities or a grammar"),
        (f"<!--> --><!DOCTYPE a {ENTITY}", "declares entities or a grammar"),
        ("<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>", "declares entities or a grammar"),
        ("<!DOCTYPE a '", "declares entities or a grammar"),
        ("<?xml version='1.0' encoding='utf-7'?>+ADwAIQ-DOCTYPE a><a/>", "is XML of an unknown encoding (utf-7)"),
        ("<?xml version='1.0' encoding='rot13'?><n/>", "is XML of an unknown encoding (rot13)"),
        (b"<a>\xe9</a>", "is not utf-8 (byte 3); save it as UTF-8"),
        ("<a><b></a>", "its XML does not parse ("),
        ("<a>&#0;</a>", "its XML does not parse ("),
        ("", "its XML does not parse ("),
        ("<a>" * 201 + "</a>" * 201, "its XML nests deeper than 200; flatten it"),
        ("<a>" * 99_999, "its XML does not parse ("),
        ("<a>" + " " * 10_000_000, "has more than 10,000,000 bytes of XML; split it"),
    ],
)  # fmt: skip
def test_what_declares_nests_or_grows_is_refused(content: str | bytes, expected: str) -> None:
    with pytest.raises(LoadError) as raised:
        tree("feed.xml", content if isinstance(content, bytes) else content.encode())
    assert expected in str(raised.value)
    assert str(raised.value).startswith("feed.xml: ")


def test_two_hundred_levels_are_read() -> None:
    assert "a" == tree("feed.xml", b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).tag
