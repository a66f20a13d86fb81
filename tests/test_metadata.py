"""Tests of what a page says of itself: title, author, dates and such."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from lxml import html

from newsqa.domain import now
from newsqa.loading.pages import metadata
from newsqa.loading.pages.metadata import Metadata, same_site

URL = "https://www.herald.example/news/bridge"
EAST = timezone(timedelta(hours=2))


def of(head: str, body: str = "", url: str = URL, attributes: str = "") -> Metadata:
    page = f"<html {attributes}><head>{head}</head><body>{body}<p>Text.</p></body></html>"
    return metadata.of(html.document_fromstring(page), url)


def ld(value: Any) -> str:
    return f'<script type="application/ld+json">{value if isinstance(value, str) else json.dumps(value)}</script>'


def meta(name: str, content: str) -> str:
    return f'<meta property="{name}" content="{content}">'


ARTICLE = {
    "@context": "https://schema.org",
    "@type": "NewsArticle",
    "headline": "Harbour bridge to be rebuilt",
    "alternativeHeadline": "Vårsund and Ézelle share the cost",
    "publisher": {"@type": "Organization", "name": "Haldermarch Herald"},
    "author": [{"@type": "Person", "name": "Ilse Brandvik"}, {"@type": "Person", "name": "Jon Tarn"}],
    "inLanguage": "en-GB",
    "datePublished": "2025-05-12T10:00:00+02:00",
    "dateModified": "2025-05-13",
    "url": URL,
}


def test_a_page_that_says_nothing_has_no_metadata() -> None:
    assert Metadata(url=URL) == of("")


def test_json_ld_gives_every_field() -> None:
    found = of(ld(ARTICLE))
    assert "Harbour bridge to be rebuilt" == found.title
    assert "Vårsund and Ézelle share the cost" == found.subtitle
    assert "Haldermarch Herald" == found.publisher
    assert "Ilse Brandvik, Jon Tarn" == found.author
    assert "en-GB" == found.language
    assert datetime(2025, 5, 12, 10, tzinfo=EAST) == found.published_at
    assert date(2025, 5, 13) == found.updated_at
    assert not isinstance(found.updated_at, datetime)


@pytest.mark.parametrize(
    "value",
    [
        [{"@type": "BreadcrumbList"}, ARTICLE],
        {"@graph": [{"@type": "WebSite", "name": "Other"}, ARTICLE]},
        {"@type": "WebPage", "mainEntity": ARTICLE},
        ARTICLE | {"@type": "ReportageNewsArticle"},
        ARTICLE | {"@type": ["Article", "BlogPosting"]},
        ARTICLE | {"@type": "LiveBlogPosting", "liveBlogUpdate": [{"@type": "BlogPosting", "headline": "An update"}]},
        ARTICLE | {"@type": "https://schema.org/NewsArticle"},
    ],
)
def test_the_article_is_found_wherever_publishers_put_it(value: Any) -> None:
    assert "Harbour bridge to be rebuilt" == of(ld(value)).title


@pytest.mark.parametrize("kind", ["WebSite", "Organization", "VideoObject", "ItemList"])
def test_other_things_are_not_the_article(kind: str) -> None:
    assert "" == of(ld({"@type": kind, "headline": "Something else", "name": "Something else"})).title


def test_of_several_articles_the_one_with_the_pages_address_is_meant() -> None:
    other = ARTICLE | {"headline": "Another story", "url": "https://www.herald.example/news/other"}
    assert "Harbour bridge to be rebuilt" == of(ld([other, ARTICLE])).title


def test_names_are_looked_up_by_their_id() -> None:
    article = ARTICLE | {"publisher": {"@id": "#org"}, "author": {"@id": "#ilse"}}
    graph = [article, {"@id": "#org", "name": "Ézelle Gazette"}, {"@id": "#ilse", "name": "Ilse Brandvik"}]
    found = of(ld({"@graph": graph}))
    assert ("Ézelle Gazette", "Ilse Brandvik") == (found.publisher, found.author)


@pytest.mark.parametrize(
    "text",
    [
        '{"@type": "NewsArticle", "headline": "A bridge",}',
        '{"@type": "NewsArticle", "keywords": ["a", "b", ], "headline": "A bridge"}',
        '<!-- {"@type": "NewsArticle", "headline": "A bridge"} -->',
        '//<![CDATA[\n{"@type": "NewsArticle", "headline": "A bridge"}\n//]]>',
        '/*<![CDATA[*/{"@type": "NewsArticle", "headline": "A bridge"}/*]]>*/',
        '{"@type": "NewsArticle", "description": "one\n\ttwo", "headline": "A bridge"}',
        '{"@type": "NewsArticle", "headline": "A bridge"};',
        '{"@type": "NewsArticle", "headline": "A bridge"}{"@type": "WebPage"}',
        '{"@type": "NewsArticle", "headline": "A <b>bridge</b>"}',
        '{"@type": "NewsArticle", "headline": "A \\ud800 bridge"}',
    ],
)
def test_broken_json_ld_is_read_all_the_same(text: str) -> None:
    assert "A bridge" == of(ld(text)).title


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "null", "1", '"x"', '{"@type": 1, "@graph": {"@graph": []}}'])
def test_json_ld_past_mending_is_passed_over(text: str) -> None:
    assert "From elsewhere" == of(ld(text) + meta("og:title", "From elsewhere")).title


@pytest.mark.parametrize("value", [None, 1, [], {}, [None, 1, {}], {"name": None}, {"name": [1, {}]}, {"@id": "#no"}])
def test_values_of_the_wrong_kind_are_unknown(value: Any) -> None:
    wrong = dict.fromkeys(("headline", "author", "publisher", "datePublished", "url", "articleBody"), value)
    found = of(ld({"@type": "NewsArticle"} | wrong))
    assert Metadata(url=URL) == found


def test_open_graph_gives_the_fields() -> None:
    head = (
        meta("og:title", "Harbour bridge to be rebuilt")
        + meta("og:site_name", "Haldermarch Herald")
        + meta("og:description", "Two towns share the cost")
        + meta("og:locale", "de_AT")
        + meta("article:author", "Ilse Brandvik")
        + meta("article:published_time", "2025-05-12T08:00:00Z")
        + meta("article:modified_time", "2025-05-12T09:30:00Z")
    )
    found = of(head)
    assert "Harbour bridge to be rebuilt" == found.title
    assert ("Haldermarch Herald", "Two towns share the cost") == (found.publisher, found.subtitle)
    assert ("de-AT", "Ilse Brandvik") == (found.language, found.author)
    assert datetime(2025, 5, 12, 8, tzinfo=UTC) == found.published_at
    assert datetime(2025, 5, 12, 9, 30, tzinfo=UTC) == found.updated_at


def test_json_ld_is_trusted_more_than_open_graph_and_that_more_than_the_rest() -> None:
    head = meta("og:title", "Second") + '<title>Fourth</title><meta name="twitter:title" content="Third">'
    assert "Harbour bridge to be rebuilt" == of(head + ld(ARTICLE)).title
    assert "Second" == of(head).title
    assert "Third" == of(head.replace("og:title", "og:other")).title


def test_what_one_source_leaves_out_the_next_one_gives() -> None:
    found = of(
        ld({"@type": "NewsArticle", "headline": "A bridge"}) + '<meta name="parsely-pub-date" content="2025-05-12">'
    )
    assert ("A bridge", date(2025, 5, 12)) == (found.title, found.published_at)


def test_microdata_of_the_article_counts_and_that_of_comments_does_not() -> None:
    body = """
      <div itemscope itemtype="https://schema.org/Comment"><span itemprop="author">A reader</span></div>
      <article itemscope itemtype="https://schema.org/NewsArticle"><h1 itemprop="headline">Harbour bridge</h1>
      <span itemprop="author" itemscope itemtype="https://schema.org/Person">
        <a itemprop="url" href="/x">x</a><b itemprop="name">Ilse Brandvik</b></span>
      <time itemprop="datePublished" datetime="2025-05-12T10:00:00">12 May</time></article>"""
    found = of("", body)
    assert ("Harbour bridge", "Ilse Brandvik") == (found.title, found.author)
    assert datetime(2025, 5, 12, 10) == found.published_at  # noqa: DTZ001  # the page names no zone


@pytest.mark.parametrize(
    ("head", "author"),
    [
        (meta("article:author", "https://www.facebook.com/ilse"), ""),
        (meta("article:author", "https://www.facebook.com/ilse") + '<meta name="author" content="Ilse B.">', "Ilse B."),
        ('<meta name="author" content="By Ilse Brandvik">', "Ilse Brandvik"),
        ('<meta name="author" content="Byron Tarn">', "Byron Tarn"),
        ('<meta name="dc.creator" content="Ilse"><meta name="dc.creator" content="Jon">', "Ilse, Jon"),
        ('<meta name="author" content="Ilse"><meta name="author" content="Ilse">', "Ilse"),
        (ld({"@type": "NewsArticle", "author": "Ilse Brandvik"}), "Ilse Brandvik"),
        (ld({"@type": "NewsArticle", "author": [{"name": ["Ilse", "Jon"]}]}), "Ilse, Jon"),
    ],
)
def test_authors_are_names(head: str, author: str) -> None:
    assert author == of(head).author


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("A bridge | Haldermarch Herald", "A bridge"),
        ("A bridge - for whom? – Haldermarch Herald", "A bridge - for whom?"),
        ("Haldermarch Herald: A bridge", "Haldermarch Herald: A bridge"),
        ("Haldermarch Herald - A bridge", "A bridge"),
        ("A bridge | Ézelle Gazette", "A bridge | Ézelle Gazette"),
        ("Haldermarch Herald", "Haldermarch Herald"),
    ],
)
def test_the_sites_name_is_cut_off_the_title_where_it_is_known(title: str, expected: str) -> None:
    assert expected == of(f"<title>{title}</title>" + meta("og:site_name", "Haldermarch Herald")).title


def test_without_any_other_title_the_heading_is_it() -> None:
    assert "A bridge" == of("", "<h1>A <em>bridge</em></h1>").title


@pytest.mark.parametrize(
    "written",
    ["yesterday", "May 2025", "0000-00-00", "9999-12-31T00:00:00Z", "1970-01-01T00:00:00Z", "12345", "", "2025-13-40"],
)
def test_a_date_that_can_be_none_is_dropped(written: str) -> None:
    assert None is of(meta("article:published_time", written)).published_at


def test_a_date_in_the_far_future_gives_way_to_the_next_source() -> None:
    later = (now() + timedelta(days=30)).isoformat()
    assert date(2025, 5, 12) == of(meta("article:published_time", later) + meta("pubdate", "2025-05-12")).published_at


def test_old_articles_keep_their_dates() -> None:
    assert date(1912, 4, 16) == of(meta("article:published_time", "1912-04-16")).published_at


def test_a_date_in_the_address_or_the_text_is_no_date() -> None:
    found = of("", "<p>Published on 12 May 2025.</p>", url="https://herald.example/2025/05/12/bridge")
    assert (None, None) == (found.published_at, found.updated_at)


def test_a_time_counts_in_the_articles_header_only() -> None:
    time = '<time datetime="2025-05-12">12 May</time>'
    assert date(2025, 5, 12) == of("", f"<article><header>{time}</header></article>").published_at
    assert None is of("", f"<aside><header>{time}</header></aside><article><p>{time}</p></article>").published_at


@pytest.mark.parametrize(
    ("attributes", "language"),
    [('lang="de"', "de"), ('lang="sr_Latn_RS"', "sr-Latn-RS"), ('lang="x-default"', ""), ('lang="<b>"', ""), ("", "")],
)
def test_the_language_is_that_of_the_page(attributes: str, language: str) -> None:
    assert language == of("", attributes=attributes).language


@pytest.mark.parametrize(
    ("canonical", "expected"),
    [
        ("https://herald.example/news/bridge", "https://herald.example/news/bridge"),
        ("/news/bridge-rebuilt", "https://www.herald.example/news/bridge-rebuilt"),
        ("https://amp.herald.example/news/bridge#top", "https://amp.herald.example/news/bridge"),
        ("https://other.example/news/bridge", URL),
        ("https://herald.example.evil.example/news", URL),
        ("https://herald.example/", URL),
        ("https://herald.example", URL),
        ("javascript:alert(1)", URL),
        ("ftp://herald.example/news/bridge", URL),
        ("https://[::1/", URL),
        ("https://user@herald.example/news/bridge", URL),
        ("https://herald.example/" + "x" * 3000, URL),
        ("", URL),
    ],
)
def test_the_canonical_address_is_believed_on_the_same_site_only(canonical: str, expected: str) -> None:
    assert expected == of(f'<link rel="canonical" href="{canonical}">').url


def test_a_file_takes_the_address_that_it_names_if_it_is_whole() -> None:
    assert URL == of(f'<link rel="canonical" href="{URL}">', url="").url
    assert URL == of('<link rel="canonical" href="/news/bridge">' + meta("og:url", URL), url="").url
    assert "" == of('<link rel="canonical" href="/news/bridge">', url="").url


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://www.herald.example/a", "http://herald.example/b", True),
        ("https://m.herald.example/", "https://amp.herald.example/", True),
        ("https://sport.herald.example/", "https://herald.example/", True),
        ("https://sport.herald.example/", "https://news.herald.example/", False),
        ("https://xherald.example/", "https://herald.example/", False),
        ("https://example/", "https://herald.example/", False),
        ("https://HERALD.example:8000/", "https://herald.example./", True),
        ("", "", False),
        ("nonsense", "https://herald.example/", False),
        ("https://[", "https://[", False),
    ],
)
def test_same_site(one: str, other: str, same: bool) -> None:
    assert same == same_site(one, other)
    assert same == same_site(other, one)
