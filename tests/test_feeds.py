"""Feeds: every entry a link or an article, with the dates that it names and no others."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsqa import Article
from newsqa.errors import LoadError
from newsqa.loading import feeds
from newsqa.loading.given import Given, Link, moment

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Haldermarch Herald</title><language>en-gb</language>
<item><title>Ferry &amp; &lt;i&gt;bridge&lt;/i&gt;</title><link>https://herald.example/ferry</link>
<dc:creator>Åse Lund</dc:creator>
<pubDate>Mon, 12 May 2025 10:30:00 +0200</pubDate><description>&lt;p&gt;The ferry sails.&lt;/p&gt;</description></item>
<item><title>Bell</title><link>https://herald.example/bell</link>
<content:encoded><![CDATA[<h2>Found</h2><p>The bell was found.</p>
<ul><li>One</li><li>Two</li></ul>]]></content:encoded></item>
<item><title>Without an address</title><guid isPermaLink="false">n-1</guid><description>It rained.</description></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="no"><title>Vårsund Courier</title>
<entry><title>Dictionary</title><link href="/dictionary"/><id>urn:1</id>
<published>2025-05-12T10:30:00+02:00</published><updated>2025-05-13T08:00:00Z</updated>
<author><name>Ivo Brandt</name></author><summary>The first volume is out.</summary></entry></feed>"""


def _entries(content: str | bytes, url: str = "") -> list[Link | Article]:
    sent = content.encode() if isinstance(content, str) else content
    return list(feeds.articles(Given("feed.xml", sent, url)))


def _article(entry: Link | Article) -> Article:
    article = entry.article if isinstance(entry, Link) else entry
    assert article
    return article


def test_an_entry_is_a_link_with_what_the_feed_says_of_it() -> None:
    first, second, third = _entries(RSS)
    assert isinstance(first, Link)
    assert ("https://herald.example/ferry", "page", False) == (first.address, first.kind, first.whole)
    article = _article(first)
    assert ("Ferry & bridge", "Haldermarch Herald", "Åse Lund", "en-gb") == (
        article.title,
        article.publisher,
        article.author,
        article.language,
    )
    assert isinstance(second, Link)
    assert isinstance(third, Article)
    assert ("!/n-1", "It rained.") == (third.origin, third.text)


def test_the_hour_keeps_its_zone_and_an_entry_without_a_change_has_none() -> None:
    article = _article(_entries(RSS)[0])
    assert datetime(2025, 5, 12, 10, 30, tzinfo=timezone(timedelta(hours=2))) == article.published_at
    assert isinstance(article.published_at, datetime)
    assert timedelta(hours=2) == article.published_at.utcoffset()
    assert article.updated_at is None
    assert (None, None) == (_article(_entries(RSS)[1]).published_at, _article(_entries(RSS)[1]).updated_at)


def test_whole_content_is_the_article_and_a_summary_is_not() -> None:
    whole = _entries(RSS)[1]
    assert isinstance(whole, Link)
    assert whole.whole
    assert "## Found\n\nThe bell was found.\n\n- One\n- Two" == _article(whole).text


def test_atom_has_published_and_updated_apart_and_addresses_are_made_whole() -> None:
    (entry,) = _entries(ATOM, "https://courier.example/feed")
    assert isinstance(entry, Link)
    article = _article(entry)
    assert "https://courier.example/dictionary" == entry.address
    assert datetime(2025, 5, 13, 8, tzinfo=UTC) == article.updated_at
    assert ("Vårsund Courier", "no", "Ivo Brandt") == (article.publisher, article.language, article.author)


def test_the_stamp_changes_with_the_entry_alone() -> None:
    def stamps(content: str) -> list[str]:
        return [entry.stamp for entry in _entries(content) if isinstance(entry, Link)]

    before, after = stamps(RSS), stamps(RSS.replace("The ferry sails.", "The ferry sank."))
    assert before[0] != after[0]
    assert before[1] == after[1] == stamps(RSS.replace("<channel>", "<channel><ttl>5</ttl>"))[1]


REFUSED = {
    "no feed": ("<html><body>Hello</body></html>", "is no feed"),
    "nothing": ("", "is no feed"),
    "no entries": ("<rss version='2.0'><channel><title>T</title></channel></rss>", "has no entries"),
    "entities": (
        '<!DOCTYPE rss [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><rss><channel><title>&b;</title></channel></rss>',
        "declares entities",
    ),
    "entities in UTF-16": ('<!DOCTYPE rss [<!ENTITY a "b">]><rss/>'.encode("utf-16"), "declares entities"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_feed_is_refused_by_name(content: str | bytes, words: str) -> None:
    with pytest.raises(LoadError, match=rf"^feed\.xml: .*{words}"):
        _entries(content)


def test_the_text_of_a_feed_is_never_taken_for_the_name_of_a_file() -> None:
    with pytest.raises(LoadError, match="is no feed"):
        _entries("/etc/hostname")


def test_a_damaged_feed_gives_what_can_be_read() -> None:
    first = _entries(RSS.replace("</channel></rss>", "").replace("<language>en-gb", "<language>en & gb"))[0]
    assert "https://herald.example/ferry" == (first.address if isinstance(first, Link) else "")


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(RSS) - 1), st.integers(0, 40), st.binary(max_size=12))
def test_any_damage_gives_entries_or_is_refused(start: int, gone: int, put: bytes) -> None:
    sent = RSS.encode()
    entries, told = list[Link | Article](), "feed.xml: "
    try:
        entries = _entries(sent[:start] + put + sent[start + gone :])
    except LoadError as error:
        told = str(error)
    assert told.startswith("feed.xml: ")
    assert all(isinstance(entry, Link | Article) for entry in entries)


MOMENTS = {
    "Mon, 12 May 2025 10:30:00 GMT": datetime(2025, 5, 12, 10, 30, tzinfo=UTC),
    "Mon, 12 May 2025 10:30:00 +0200 (CEST)": datetime(2025, 5, 12, 10, 30, tzinfo=timezone(timedelta(hours=2))),
    "Mon May 12 2025 10:30:00 GMT+0200": datetime(2025, 5, 12, 10, 30, tzinfo=timezone(timedelta(hours=2))),
    "2025-05-12T10:30:00.000Z": datetime(2025, 5, 12, 10, 30, tzinfo=UTC),
    "2025/5/2": date(2025, 5, 2),
    "Mon, 12 May 2025 3:00 PM EST": date(2025, 5, 12),
    "Mon, 12 May 2025 10:30:00 CEST": date(2025, 5, 12),
    "yesterday": None,
    "0001-01-01T00:00:00": None,
}


@pytest.mark.parametrize("written", MOMENTS)
def test_a_moment_is_what_is_written_and_half_a_moment_is_a_day(written: str) -> None:
    assert (MOMENTS[written], type(MOMENTS[written])) == (moment(written), type(moment(written)))
