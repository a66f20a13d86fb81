"""Which addresses may be fetched: a table of tricks with how addresses are written, and of what they lead to."""

import re
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsqa.errors import LoadError, SettingsError
from newsqa.loading.fetching.addresses import host_name, parsed, shown
from newsqa.loading.fetching.networks import allowed, forbidden, not_public

# Never fetched, wherever they may lead.
ILL_WRITTEN = {
    "a file": "file:///etc/passwd",
    "a file by two slashes": "file://localhost/etc/passwd",
    "ftp": "ftp://herald.example/",
    "gopher": "gopher://127.0.0.1:6379/_FLUSHALL",
    "data": "data:text/html,It rained.",
    "javascript": "javascript:alert(1)",
    "no scheme": "herald.example/page",
    "only a scheme": "http:",
    "no host": "http:///page",
    "an empty host": "http://",
    "an empty host with a port": "http://:8080/",
    "one slash": "http:/herald.example/",
    "a slash and a backslash": "http:/\\127.0.0.1/",
    "backslashes": "http:\\\\127.0.0.1\\",
    "a backslash in the host": "http://herald.example\\@127.0.0.1/",
    "a backslash in the path": "http://herald.example/\\..\\",
    "a user": "http://good@127.0.0.1/",
    "a user and a password": "http://good:secret@127.0.0.1/",
    "an empty user": "http://@127.0.0.1/",
    "two @": "http://good.example@good.example@127.0.0.1/",
    "a user with a port": "http://good.example:80@127.0.0.1/",
    "a space before": " http://herald.example/",
    "a line feed before": "\nhttp://herald.example/",
    "a tab in the scheme": "ht\ttp://herald.example/",
    "a tab in the host": "http://127.0\t.0.1/",
    "a line feed in the host": "http://127.0.0\n.1/",
    "a carriage return in the host": "http://127.0.0.1\r/",
    "headers behind the path": "http://herald.example/ HTTP/1.1\r\nX-Evil: 1\r\n",
    "a NUL in the host": "http://herald.example\0.127.0.0.1/",
    "a NUL in the path": "http://herald.example/\0",
    "a space in the host": "http://herald .example/",
    "a percent sign in the host": "http://127%2e0.0.1/",
    "a percent-encoded slash in the host": "http://herald.example%2f@127.0.0.1/",
    "a percent-encoded NUL in the host": "http://herald.example%00.evil.example/",
    "one number": "http://2130706433/",
    "one number in hexadecimal": "http://0x7f000001/",
    "one number in octal": "http://017700000001/",
    "two numbers": "http://127.1/",
    "three numbers": "http://127.0.1/",
    "octal": "http://0177.0.0.1/",
    "octal zeros": "http://127.0.0.01/",
    "hexadecimal": "http://0x7f.0.0.0x1/",
    "capital hexadecimal": "http://0X7F.0.0.1/",
    "an empty hexadecimal": "http://127.0.0.0x/",
    "more than a byte": "http://256.0.0.1/",
    "a number that wraps": "http://4294967297/",
    "five numbers": "http://1.127.0.0.1/",
    "a name that ends in a number": "http://herald.1/",
    "a trailing dot": "http://herald.example./",
    "a trailing dot behind numbers": "http://127.0.0.1./",
    "two trailing dots": "http://127.0.0.1../",
    "an empty label": "http://herald..example/",
    "a leading dot": "http://.herald.example/",
    "only a dot": "http://./",
    "full-width digits": "http://１２７.0.0.1/",
    "circled digits": "http://①②⑦.⓪.⓪.①/",
    "full-width dots": "http://127．0．0．1/",
    "ideographic dots": "http://127。0。0。1/",
    "a half-width ideographic dot": "http://127｡0.0.1/",
    "Arabic digits": "http://١٢٧.0.0.1/",
    "superscript digits": "http://¹²⁷.0.0.1/",
    "full-width letters": "http://ｌｏｃａｌｈｏｓｔ/",
    "circled letters": "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    "a soft hyphen": "http://local\u00adhost/",
    "a zero-width space": "http://local\u200bhost/",
    "a right-to-left override": "http://\u202eherald.example/",
    "a full-width slash": "http://127.0.0.1／herald.example/",
    "a full-width @": "http://good.example＠127.0.0.1/",
    "a fraction slash": "http://herald.example⁄@127.0.0.1/",
    "an account-of sign": "http://herald.example℀.evil.example/",
    "a long s in the scheme": "httpſ://herald.example/",
    "half a character": "http://herald.example/\ud800",
    "half a character in the host": "http://\ud800.example/",
    "a zone": "http://[fe80::1%eth0]/",
    "an encoded zone": "http://[fe80::1%25eth0]/",
    "brackets around IPv4": "http://[127.0.0.1]/",
    "brackets around a name": "http://[herald.example]/",
    "a future notation": "http://[v1.fe80::a]/",
    "an open bracket": "http://[::1/",
    "a closed bracket": "http://::1]/",
    "IPv6 without brackets": "http://::1/",
    "something behind the brackets": "http://[::1].herald.example/",
    "two hosts": "http://herald.example,127.0.0.1/",
    "two ports": "http://herald.example:80:8080/",
    "an empty port": "http://herald.example:/",
    "a negative port": "http://herald.example:-1/",
    "a port with a plus": "http://herald.example:+80/",
    "a port in full-width digits": "http://herald.example:８０８０/",
    "a port with a space": "http://herald.example: 8080/",
    "port 0": "http://herald.example:0/",
    "a port that wraps": "http://herald.example:65616/",
    "a port of many digits": f"http://herald.example:{'8' * 5000}/",
    "the port of ssh": "http://herald.example:22/",
    "the port of mail": "http://herald.example:25/",
    "the port of the other scheme": "http://herald.example:443/",
    "a label of 64 characters": f"http://{'a' * 64}.example/",
    "a name of 260 characters": f"http://{'a.' * 130}example/",
    "a long name beyond ASCII": f"http://{'å' * 300}.example/",
    "a hyphen first": "http://-herald.example/",
    "a star": "http://*.example/",
    "a quote": 'http://herald".example/',
    "an angle": "http://<b>.example/",
    "a very long address": f"http://herald.example/{'a' * 4000}",
    "a megabyte": f"http://{'@' * 1_000_000}",
    "nothing": "",
}
# Written as it should be, and what is fetched.
WELL_WRITTEN = {
    "http://herald.example": "http://herald.example/",
    "HTTP://Herald.Example/Page": "http://herald.example/Page",
    "https://herald.example:443/a?b=c#d": "https://herald.example/a?b=c",
    "https://herald.example:8443/a": "https://herald.example:8443/a",
    "http://herald.example?q=1": "http://herald.example/?q=1",
    "http://evil.example#@good.example/": "http://evil.example/",
    "http://evil.example/@good.example/": "http://evil.example/@good.example/",
    "http://evil.example?@good.example/": "http://evil.example/?@good.example/",
    "http://ézelle.example/": "http://xn--zelle-9ra.example/",
    "http://ÉZELLE.example/": "http://xn--zelle-9ra.example/",
    "http://herald.example/vårsund hamn?å=ö": "http://herald.example/v%C3%A5rsund%20hamn?%C3%A5=%C3%B6",
    "http://herald.example/a%20b%0d%0aX:y": "http://herald.example/a%20b%0d%0aX:y",
    "http://herald.example/\u2028": "http://herald.example/%E2%80%A8",
    "http://my_paper.example/": "http://my_paper.example/",
    "http://8.8.8.8/": "http://8.8.8.8/",
    "http://[2A00:0:0::1]:8080/": "http://[2a00::1]:8080/",
    "http://127.0.0.1.nip.example/": "http://127.0.0.1.nip.example/",
    "http://0x7f.example/": "http://0x7f.example/",
}
NOT_PUBLIC = re.findall(r"\S+", """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.255
    168.63.129.16 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1
    192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8
    ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b::100.64.0.1
    64:ff9b:1::1 64:ff9b:1::8.8.8.8 100::1 100:0:0:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1
    2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1 2002:a00:1::1 2002:808:808::1 3fff::1 3fff:fff::1 4000::1 5f00::1
    fc00::1 fd00:ec2::254 fe80::1 fe80::5efe:8.8.8.8 fec0::1 feff::1 ff02::1 ff0e::1 2a00:1::5efe:127.0.0.1
    2a00:1::200:5efe:10.0.0.1 fe80::1%eth0 2a00::1%eth0 nonsense 127.1
""")  # fmt: skip
PUBLIC = re.findall(r"\S+", """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.215.14 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
    169.253.255.255 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 198.17.255.255 198.20.0.0 223.255.255.255
    2001:4860:4860::8888 2606:4700::1111 2a00:1450:4001::1 64:ff9b::8.8.8.8 2a00:1::5efe:8.8.8.8 2001:200::1
""")  # fmt: skip


@pytest.mark.parametrize("url", ILL_WRITTEN.values(), ids=ILL_WRITTEN)
def test_an_address_that_programs_read_differently_is_refused(url: str) -> None:
    with pytest.raises(LoadError) as raised:
        parsed(url)
    message = str(raised.value)
    assert message.startswith(f"{shown(url)}: ")
    assert "; " in message
    assert message.isprintable(), message
    assert len(message) < 500
    assert "secret" not in message


@pytest.mark.parametrize(("url", "fetched"), WELL_WRITTEN.items())
def test_an_address_is_fetched_in_its_plain_form(url: str, fetched: str) -> None:
    assert fetched == parsed(url).url


@pytest.mark.parametrize("url", WELL_WRITTEN.values())
def test_the_plain_form_is_its_own(url: str) -> None:
    assert url == parsed(url).url


@given(st.text(max_size=80).map(lambda text: f"http://{text}"))
def test_any_text_is_an_address_in_visible_ascii_or_refused_on_one_line(url: str) -> None:
    try:
        shown_as = parsed(url).url
    except LoadError as error:
        shown_as = parsed("http://herald.example/").url
        told = str(error)
    else:
        told = ""
    assert all("!" <= char <= "~" for char in shown_as)
    assert shown_as == parsed(shown_as).url
    assert told.isprintable()


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_forbidden(address: str) -> None:
    assert forbidden("herald.example", 80, [address], ())
    assert forbidden("herald.example", 80, ["8.8.8.8", address, "1.1.1.1"], ())


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_not_forbidden(address: str) -> None:
    assert not forbidden("herald.example", 80, [address], ())


@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_holds_for_private(address: object) -> None:
    known = ip_address(str(address))
    special = known.is_private or known.is_multicast or known.is_reserved or known.is_loopback or known.is_link_local
    if special and known not in ip_network("64:ff9b::/96"):
        assert not_public(known)


# The entries, a host with its address and port, and whether they let it be.
ALLOWANCES = [
    ("10.1.0.0/16", "wiki.example", "10.1.2.3", 80, True),
    ("10.1.0.0/16", "wiki.example", "10.2.0.1", 80, False),
    ("10.1.2.3", "wiki.example", "10.1.2.3", 9000, True),
    ("10.1.2.3:8080", "wiki.example", "10.1.2.3", 8080, True),
    ("10.1.2.3:8080", "wiki.example", "10.1.2.3", 80, False),
    ("10.1.0.0/16:8080", "wiki.example", "10.1.2.3", 8080, True),
    ("wiki.example", "wiki.example", "192.168.1.1", 443, True),
    ("wiki.example:8080", "wiki.example", "192.168.1.1", 8080, True),
    ("wiki.example:8080", "wiki.example", "192.168.1.1", 8081, False),
    ("wiki.example", "evil.wiki.example", "192.168.1.1", 80, False),
    ("wiki.example", "wiki.example.evil.example", "192.168.1.1", 80, False),
    ("WIKI.example", "wiki.example", "192.168.1.1", 80, True),
    ("::1", "::1", "::1", 80, True),
    ("[::1]:8080", "::1", "::1", 8080, True),
    ("[::1]:8080", "::1", "::1", 80, False),
    ("fd00::/8", "wiki.example", "fd12::1", 80, True),
    ("127.0.0.1", "wiki.example", "::ffff:127.0.0.1", 80, False),
    ("127.0.0.1", "wiki.example", "127.0.0.2", 80, False),
    ("  10.0.0.1\n127.0.0.1 ", "wiki.example", "127.0.0.1", 80, True),
    ("", "wiki.example", "127.0.0.1", 80, False),
]


@pytest.mark.parametrize(("entries", "host", "address", "port", "lets"), ALLOWANCES)
def test_an_allowance_lets_what_it_names_be_fetched_and_nothing_else(
    entries: str, host: str, address: str, port: int, lets: bool
) -> None:
    assert lets != bool(forbidden(host, port, [address], allowed(entries)))


@pytest.mark.parametrize(
    "entry",
    [
        *("10.1.0.0/33", "10.1.0.1/16", "127.1", "2130706433", "wiki.example:", "wiki.example:0x50", "a:99999", "*"),
        *(
            "http://wiki.example",
            "wiki.example/path",
            "wiki..example",
            "fe80::1%eth0/64",
            "a@b",
            "-",
            "[wiki]:80",
            "[::1",
        ),
    ],
)
def test_an_allowance_that_names_nothing_is_a_settings_error(entry: str) -> None:
    with pytest.raises(SettingsError, match=r"^NEWSQA_FETCH_ALLOW: .*write it as 10\.1\.0\.0/16"):
        allowed(f"10.0.0.0/8 {entry}")


def test_a_host_name_has_one_form() -> None:
    assert "xn--zelle-9ra.example" == host_name("Ézelle.EXAMPLE") == host_name("XN--zelle-9ra.example")


def test_a_password_is_not_shown() -> None:
    assert "http://…@herald.example/" == shown("http://reader:secret@herald.example/")


def test_what_steers_a_terminal_is_shown_escaped() -> None:
    assert "http://h/\\x1b[2J\\r\\n\\u202e" == shown("http://h/\x1b[2J\r\n\u202e")
