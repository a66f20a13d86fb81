"""Sitemaps and lists of feeds: addresses with what is known of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsqa.errors import LoadError
from newsqa.loading import lists
from newsqa.loading.given import Given, Link

SITEMAP = """<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc> https://herald.example/old </loc><lastmod>2025-05-01</lastmod></url>
<url><loc>https://herald.example/new</loc><lastmod>2025-05-12T10:00:00+02:00</lastmod></url>
<url><loc>https://herald.example/undated</loc></url><url><loc>ftp://herald.example/x</loc></url></urlset>"""
OPML = """<opml version="2.0"><head><title>Papers</title></head><body><outline text="Haldermarch">
<outline type="rss" text="Herald" xmlUrl="https://herald.example/feed"/>
<outline text="Courier" xmlUrl="https://courier.example/feed"/></outline></body></opml>"""


def _links(content: str) -> list[Link]:
    return list(lists.articles(Given("list.xml", content.encode())))


def test_a_sitemap_gives_its_pages_the_last_changed_first() -> None:
    assert [
        Link("https://herald.example/new", "page", "2025-05-12T10:00:00+02:00"),
        Link("https://herald.example/old", "page", "2025-05-01"),
        Link("https://herald.example/undated", "page", ""),
    ] == _links(SITEMAP)


def test_an_index_gives_sitemaps() -> None:
    index = "<sitemapindex><sitemap><loc>https://herald.example/s1.xml</loc></sitemap></sitemapindex>"
    assert [Link("https://herald.example/s1.xml", "sitemap")] == _links(index)


def test_opml_gives_the_feeds_at_every_depth() -> None:
    assert ["https://herald.example/feed", "https://courier.example/feed"] == [link.address for link in _links(OPML)]
    assert {"feed"} == {link.kind for link in _links(OPML)}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<html/>", "neither a sitemap nor OPML"),
        ("<urlset></urlset>", "lists no address"),
        ("<urlset><url>", "does not parse"),
        (
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><urlset><url><loc>&a;</loc></url></urlset>',
            "entities",
        ),
        ("<opml>" + "<outline>" * 300 + "</outline>" * 300 + "</opml>", "."),
    ],
)
def test_what_is_no_list_is_refused_by_name(content: str, words: str) -> None:
    with pytest.raises(LoadError, match=rf"^list\.xml: .*{words}"):
        _links(content)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([SITEMAP, OPML]), st.integers(0, 400), st.integers(0, 40), st.text(max_size=12))
def test_any_damage_gives_links_or_is_refused(content: str, start: int, gone: int, put: str) -> None:
    links, told = list[Link](), "list.xml: "
    try:
        links = _links((content[:start] + put + content[start + gone :]).encode("utf-8", "replace").decode())
    except LoadError as error:
        told = str(error)
    assert told.startswith("list.xml: ")
    assert all(link.address.startswith(("http://", "https://")) for link in links)
