"""Taking in what origins hold: again and again, with what changed, moved, failed or went, and how fresh it all is."""

import gzip
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from newsqa import Article, Library
from newsqa.domain import Origin
from newsqa.errors import LoadError
from newsqa.library import Intake, sync, take
from newsqa.loading import Loader, origin_of
from tests.conftest import open_library
from tests.fakes import ScriptedFetcher
from tests.making import zipped

FEED = "https://herald.example/feed"
PAGE = """<html lang="en"><head><title>{title}</title><meta property="og:site_name" content="Haldermarch Herald">
<meta property="article:published_time" content="2025-05-12T10:30:00+02:00"></head><body><article><h1>{title}</h1>
<p>{text}</p><p>The harbour master of Vårsund told the paper that the ferry had waited for its new engine since the
autumn, and that the crossing takes forty minutes again, as it did before the storm of last November.</p>
<p>Tickets cost four crowns. Children below the age of seven sail free, and so do dogs, if they are held.</p>
</article></body></html>"""


@pytest.fixture
def web() -> ScriptedFetcher:
    """A web of no pages yet."""
    return ScriptedFetcher({})


@pytest.fixture
def loader(web: ScriptedFetcher) -> Iterator[Loader]:
    """Loads files, and pages of that web."""
    with Loader(web) as opened:
        yield opened


Add = Callable[..., Intake]


@pytest.fixture
def add(library: Library, loader: Loader) -> Add:
    """Takes in what is named."""

    def added(*what: str | Path, patterns: Sequence[str] = (), prune: bool = False) -> Intake:
        return take(library, loader, [origin_of(one, patterns) for one in what], prune=prune)

    return added


def _write(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.md").write_text(text, "utf-8")


def _rss(*entries: tuple[str, str]) -> str:
    items = "".join(
        f"<item><title>{title}</title><link>{link}</link><description>Short.</description></item>"
        for title, link in entries
    )
    return f"<rss version='2.0'><channel><title>Herald</title>{items}</channel></rss>"


def _kinds(intake: Intake) -> dict[str, str]:
    return dict(intake.outcomes)


def test_what_is_new_or_changed_is_taken_in_and_the_rest_is_known(tmp_path: Path, library: Library, add: Add) -> None:
    _write(tmp_path / "in", a="It rained.", b="It poured.")
    assert {"a": "added", "b": "added"} == _kinds(add(tmp_path / "in"))
    _write(tmp_path / "in", b="It poured down.", c="It hailed.")
    assert {"a": "unchanged", "b": "replaced", "c": "added"} == _kinds(add(tmp_path / "in"))
    assert {"a": "unchanged", "b": "unchanged", "c": "unchanged"} == _kinds(add(tmp_path / "in"))
    assert "It poured down." == library.get("b").text


def test_a_citation_of_an_earlier_revision_resolves(tmp_path: Path, library: Library, add: Add) -> None:
    _write(tmp_path / "in", a="It rained.")
    add(tmp_path / "in")
    revision = library.get("a").revision
    _write(tmp_path / "in", a="It snowed.")
    add(tmp_path / "in")
    assert ("It rained.", "It snowed.") == (library.get("a", revision).text, library.get("a").text)


def test_what_is_gone_is_told_and_removed_only_when_asked(tmp_path: Path, library: Library, add: Add) -> None:
    _write(tmp_path / "in", a="It rained.", b="It poured.")
    add(tmp_path / "in")
    (tmp_path / "in" / "b.md").unlink()
    told = add(tmp_path / "in")
    assert (["b"], 2) == (list(told.gone), len(library))
    _write(tmp_path / "in", b="It poured.")
    assert not add(tmp_path / "in").gone
    (tmp_path / "in" / "b.md").unlink()
    assert ["b"] == list(add(tmp_path / "in", prune=True).gone)
    assert ["a"] == [article.id for article in library.articles()]


def test_what_is_gone_is_told_until_it_is_removed(tmp_path: Path, library: Library, loader: Loader, add: Add) -> None:
    _write(tmp_path / "in", a="It rained.", b="It poured.")
    add(tmp_path / "in")
    (tmp_path / "in" / "b.md").unlink()
    assert [["b"], ["b"]] == [list(sync(library, loader).gone) for _ in range(2)]
    assert ["b"] == list(sync(library, loader, prune=True).gone)
    assert [[], 1] == [list(sync(library, loader, prune=True).gone), len(library)]


def test_a_folder_that_is_missing_or_empty_loses_nothing(
    tmp_path: Path, library: Library, loader: Loader, add: Add
) -> None:
    _write(tmp_path / "in", a="It rained.")
    add(tmp_path / "in")
    (tmp_path / "in").rename(tmp_path / "elsewhere")
    for words in ("no such file or folder", "holds no articles"):
        intake = sync(library, loader, prune=True)
        assert [[], 1, True] == [list(intake.gone), len(library), words in intake.failed[0]]
        (tmp_path / "in").mkdir(exist_ok=True)


def test_an_article_that_another_file_holds_too_is_not_gone(tmp_path: Path, library: Library, add: Add) -> None:
    for folder in ("a", "b"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "s.md").write_text("It rained.", "utf-8")
    add(tmp_path / "in")
    for folder, kept in (("b", ["s"]), ("a", [])):
        (tmp_path / "in" / folder / "s.md").unlink()
        (tmp_path / "in" / "other.md").write_text("It hailed.", "utf-8")
        add(tmp_path / "in", prune=True)
        assert [*kept, "other"] == sorted((article.id for article in library.articles()), reverse=True)


def test_an_article_that_an_archive_holds_too_is_not_gone(
    tmp_path: Path, library: Library, loader: Loader, add: Add
) -> None:
    _write(tmp_path / "in", s="It rained.", t="It poured.")
    (tmp_path / "both.zip").write_bytes(zipped({"s.md": "It rained.", "u.md": "It froze."}))
    add(tmp_path / "both.zip", tmp_path / "in")
    (tmp_path / "in" / "s.md").unlink()
    assert [] == list(sync(library, loader, prune=True).gone)
    (tmp_path / "both.zip").write_bytes(zipped({"u.md": "It froze."}))
    assert ["s"] == list(sync(library, loader, prune=True).gone)
    assert ["t", "u"] == sorted(article.id for article in library.articles())


def test_two_articles_of_one_file_lose_those_that_it_holds_no_longer(
    tmp_path: Path, library: Library, add: Add
) -> None:
    lines = [
        json.dumps({"id": "1", "text": f"It rained {n} times.", "url": f"https://h.example/{n}"}) for n in range(3)
    ]
    for chosen in (lines, lines[:1]):
        (tmp_path / "r.jsonl").write_text("\n".join(chosen), "utf-8")
        add(tmp_path / "r.jsonl", prune=True)
        assert len(chosen) == len(library)


def test_a_file_that_was_a_feed_may_become_an_article(
    tmp_path: Path, library: Library, web: ScriptedFetcher, add: Add
) -> None:
    file, ferry = tmp_path / "news.xml", "https://herald.example/ferry"
    web.pages = {ferry: PAGE.format(title="Ferry", text="The ferry sails.")}
    file.write_text(_rss(("Ferry", ferry)), "utf-8")
    add(file)
    file.write_text(PAGE.format(title="Bell", text="A bell rang."), "utf-8")
    assert [] == list(add(file).failed)
    assert {"Bell", "Ferry"} == {article.title for article in library.articles()}


def test_an_article_that_came_back_once_may_come_back_as_it_was(
    tmp_path: Path, library: Library, loader: Loader, add: Add
) -> None:
    for text in ("It rained.", "It poured."):
        _write(tmp_path / "in", a=text)
        add(tmp_path / "in")
        library.remove("a")
    _write(tmp_path / "in", a="It hailed.")
    add(tmp_path / "in")
    _write(tmp_path / "in", a="It poured.")
    sync(library, loader)
    assert "It poured." == library.get("a").text


def test_what_the_globs_keep_out_is_not_gone(tmp_path: Path, library: Library, add: Add) -> None:
    _write(tmp_path / "in", a="It rained.")
    (tmp_path / "in" / "b.txt").write_text("It poured.", "utf-8")
    add(tmp_path / "in")
    assert [] == list(add(tmp_path / "in", patterns=["*.md"], prune=True).gone)
    assert 2 == len(library)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_is_in_a_folder_that_can_not_be_read_is_not_gone(tmp_path: Path, library: Library, add: Add) -> None:
    (tmp_path / "in").mkdir()
    _write(tmp_path / "in" / "sub", a="It rained.")
    _write(tmp_path / "in", b="It poured.")
    add(tmp_path / "in")
    (tmp_path / "in" / "sub").chmod(0)
    intake = add(tmp_path / "in", prune=True)
    (tmp_path / "in" / "sub").chmod(0o700)
    assert [[], 2, True] == [list(intake.gone), len(library), "can't be read" in intake.failed[0]]


def test_a_file_with_another_address_is_another_article(tmp_path: Path, library: Library, add: Add) -> None:
    for day in ("mon", "tue", "wed"):
        _write(tmp_path, today=f"---\ntitle: T\nurl: https://herald.example/{day}\n---\nIt is {day}.")
        assert ["added"] == list(add(tmp_path / "today.md").outcomes.values())
    assert {"It is mon.", "It is tue.", "It is wed."} == {article.text for article in library.articles()}


def test_addresses_that_differ_in_more_than_trackers_are_several_articles(
    tmp_path: Path, library: Library, add: Add
) -> None:
    places = ("view?cid=1", "view?cid=2", "view?cid=2&utm_source=x", "log#v1", "log#v2", "b:bad/1")
    urls = [f"https://herald.example/{place}" for place in places[:-1]] + ["http://herald.example:bad/1"]
    lines = (json.dumps({"id": f"r{n}", "text": f"It rained {n} times.", "url": url}) for n, url in enumerate(urls))
    (tmp_path / "r.jsonl").write_text("\n".join(lines), "utf-8")
    assert [] == list(add(tmp_path / "r.jsonl").failed)
    assert 5 == len(library)


def test_an_article_that_is_replaced_by_hand_keeps_its_origin(
    tmp_path: Path, library: Library, loader: Loader, add: Add
) -> None:
    _write(tmp_path / "in", a="It rained.")
    add(tmp_path / "in")
    library.add(Article("Rain", "It rained in May.", id="a"), by_id=True)
    assert str((tmp_path / "in" / "a.md").resolve()) == library.get("a").origin
    sync(library, loader)
    assert "It rained in May." == library.get("a").text


def test_a_file_that_was_renamed_is_the_same_article_and_not_gone(tmp_path: Path, library: Library, add: Add) -> None:
    text = "---\ntitle: Rain\nurl: https://herald.example/rain\n---\nIt rained."
    _write(tmp_path / "in", a=text)
    add(tmp_path / "in")
    (tmp_path / "in" / "a.md").rename(tmp_path / "in" / "b.md")
    intake = add(tmp_path / "in", prune=True)
    assert ({"a": "unchanged"}, []) == (_kinds(intake), list(intake.gone))
    assert 1 == len(library)


def test_one_address_is_one_article_however_it_is_written(tmp_path: Path, library: Library, add: Add) -> None:
    for name, url in (("a", "https://www.herald.example/rain/?utm_source=x"), ("b", "http://herald.example/rain")):
        _write(tmp_path / name, rain=f"---\ntitle: Rain\nurl: {url}\n---\nIt rained, says {name}.")
    assert {"rain": "added"} == _kinds(add(tmp_path / "a"))
    assert {"rain": "replaced"} == _kinds(add(tmp_path / "b"))
    assert ["It rained, says b."] == [article.text for article in library.articles()]


def test_what_was_removed_by_hand_stays_away_until_it_is_named_again(
    tmp_path: Path, library: Library, loader: Loader, add: Add
) -> None:
    _write(tmp_path / "in", a="It rained.", b="It poured.")
    (tmp_path / "in" / "many.jsonl").write_text('{"id": "c", "text": "It hailed."}\n{"id": "d", "text": "It froze."}\n')
    add(tmp_path / "in")
    _write(tmp_path / "in" / "again", b="It poured.")
    library.remove("b", "c")
    for _ in range(2):
        sync(library, loader)
        assert ["a", "d"] == sorted(article.id for article in library.articles())
    assert {"a": "unchanged", "b": "unchanged", "c": "added", "d": "unchanged"} == _kinds(add(tmp_path / "in"))
    sync(library, loader)
    assert 4 == len(library)


def test_what_fails_stops_nothing_else_and_is_tried_again(tmp_path: Path, add: Add) -> None:
    _write(tmp_path / "in", a="It rained.", b="", c="It hailed.")
    (tmp_path / "in" / "d.jsonl").write_text('{"id": "d", "text": "It froze."}\n{"id": "e"}\n')
    for _ in range(2):
        intake = add(tmp_path / "in", tmp_path / "nowhere")
        assert ["a", "c", "d"] == sorted(intake.outcomes)
        assert ["b.md: is empty", "d.jsonl!/2: has no text", "nowhere: there is no"] == [
            next(
                words
                for words in ("b.md: is empty", "d.jsonl!/2: has no text", "nowhere: there is no")
                if words in each
            )
            for each in intake.failed
        ]
    _write(tmp_path / "in", b="It poured.")
    assert "added" == add(tmp_path / "in").outcomes["b"]


def test_an_article_the_library_refuses_is_told_with_its_file(tmp_path: Path, add: Add) -> None:
    _write(tmp_path / "in", a="---\ntitle: 'T'\n---\n...", b="It rained.")
    intake = add(tmp_path / "in")
    (message,) = intake.failed
    assert str((tmp_path / "in" / "a.md").resolve()) in message
    assert {"b": "added"} == _kinds(intake)


def test_an_interruption_keeps_what_was_stored_and_the_next_time_goes_on(tmp_path: Path, loader: Loader) -> None:
    _write(tmp_path / "in", **{f"a{number:03}": f"It rained {number} times. " * 300 for number in range(40)})
    origin = [origin_of(tmp_path / "in")]

    class Impatient:
        """Ends the intake after the first articles were stored."""

        def expected(self, number: int) -> None: ...
        def passages(self, number: int) -> None: ...
        def failed(self, message: str) -> None: ...
        def article(self, article: Article, outcome: str) -> None:
            if (article.id, outcome) == ("a005", "added"):
                raise KeyboardInterrupt

    with open_library(tmp_path / "lib") as library:
        with pytest.raises(KeyboardInterrupt):
            take(library, loader, origin, progress=Impatient())
        stored = len(library)
        assert 0 < stored < 40
        assert library.health().agree
    with open_library(tmp_path / "lib") as library:
        outcomes = list(take(library, loader, origin).outcomes.values())
        assert (40, stored) == (len(library), outcomes.count("unchanged"))


def test_a_refusal_notes_nothing_of_what_waits_to_be_stored(tmp_path: Path, loader: Loader) -> None:
    _write(tmp_path / "in", a="It rained.", b="...", c="It hailed.")

    def fail(point: str) -> None:
        if point == "add: embedded":
            raise KeyboardInterrupt

    with open_library(tmp_path / "lib", on_write=fail) as library, pytest.raises(KeyboardInterrupt):
        take(library, loader, [origin_of(tmp_path / "in")])
    with open_library(tmp_path / "lib") as library:
        assert {"a": "added", "c": "added"} == _kinds(take(library, loader, [origin_of(tmp_path / "in")]))


def test_globs_choose_the_files_of_a_folder_and_a_sync_keeps_to_them(
    tmp_path: Path, library: Library, loader: Loader, add: Add
) -> None:
    _write(tmp_path / "in", a="It rained.", draft="It may rain.")
    (tmp_path / "in" / "notes.log").write_text("It rained all day.")
    add(tmp_path / "in", patterns=["*.md", "*.log", "!draft*"])
    assert ["a", "notes"] == sorted(article.id for article in library.articles())
    _write(tmp_path / "in", b="It poured.", draft2="It may pour.")
    sync(library, loader)
    assert ["a", "b", "notes"] == sorted(article.id for article in library.articles())


def test_two_articles_of_a_story_are_reported_as_duplicates(tmp_path: Path, add: Add) -> None:
    story = "The bridge at Hollin was closed on Monday after inspectors found cracks in two of its piers. " * 3
    _write(tmp_path / "in", a=story, b=f"{story} (Press Bureau)", c="It rained.")
    assert {"b": ("a",)} == dict(add(tmp_path / "in").copies)
    _write(tmp_path / "in", d=f"{story} (The Courier)")
    assert {"d": ("a", "b")} == dict(add(tmp_path / "in").copies)


# The web


def test_every_entry_of_a_feed_is_an_article_with_what_its_page_says(
    library: Library, web: ScriptedFetcher, add: Add
) -> None:
    web.pages = {
        FEED: _rss(("Ferry sails", "https://herald.example/ferry"), ("Bell found", "https://herald.example/bell")),
        "https://herald.example/ferry": PAGE.format(title="Ferry sails", text="The ferry sails again."),
        "https://herald.example/bell": PAGE.format(title="Bell found", text="The bell was found."),
    }
    intake = add(FEED)
    assert ["added", "added"] == list(intake.outcomes.values())
    ferry = next(article for article in library.articles() if article.title == "Ferry sails")
    assert ("https://herald.example/ferry", "Haldermarch Herald", "2025-05-12T10:30:00+02:00") == (
        ferry.origin,
        ferry.publisher,
        ferry.published_at and ferry.published_at.isoformat(),
    )
    (named,) = library.origins.named()
    assert (FEED, "feed") == (named.address, named.kind)


def test_a_sync_asks_a_feed_again_and_only_the_pages_that_are_new(
    library: Library, web: ScriptedFetcher, loader: Loader, add: Add
) -> None:
    ferry, bell = "https://herald.example/ferry", "https://herald.example/bell"
    web.pages = {FEED: _rss(("Ferry", ferry)), ferry: PAGE.format(title="Ferry", text="The ferry sails.")}
    add(FEED)
    web.asked.clear()
    assert {"unchanged"} == set(sync(library, loader).outcomes.values()) | {"unchanged"}
    assert [FEED] == web.asked
    before = library.origins.get(FEED)
    web.pages |= {FEED: _rss(("Ferry", ferry), ("Bell", bell)), bell: PAGE.format(title="Bell", text="A bell rang.")}
    web.asked.clear()
    assert ["added", "unchanged"] == sorted(sync(library, loader).outcomes.values())
    assert [FEED, bell] == web.asked
    after = library.origins.get(FEED)
    assert before
    assert after
    assert after.changed_at
    assert before.changed_at
    assert after.changed_at >= before.changed_at


def test_a_page_with_another_canonical_address_is_another_article_and_the_first_is_gone(
    library: Library, web: ScriptedFetcher, add: Add
) -> None:
    page, head = "https://herald.example/story/7", "<head><link rel=canonical href=https://herald.example/{}>"
    for slug, text in (("old-news", "Three were hurt."), ("new-news", "Four were hurt.")):
        web.pages[page] = PAGE.format(title="Storm", text=text).replace("<head>", head.format(slug))
        intake = add(page, prune=True)
    assert [1, "Four were hurt."] == [len(intake.gone), library.articles()[0].text.split("\n")[0]]
    assert 1 == len(library)


def test_a_fragment_of_an_address_makes_no_other_page(library: Library, web: ScriptedFetcher, add: Add) -> None:
    page = "https://herald.example/ferry"
    web.pages = {f"{page}#{part}": PAGE.format(title="Ferry", text="The ferry sails.") for part in ("top", "talk")}
    add(*web.pages)
    assert [page] == [article.url for article in library.articles()]


def test_a_page_of_a_feed_that_is_gone_is_told_until_it_is_removed(
    library: Library, web: ScriptedFetcher, loader: Loader, add: Add
) -> None:
    ferry = "https://herald.example/ferry"
    web.pages = {FEED: _rss(("Ferry", ferry)), ferry: PAGE.format(title="Ferry", text="The ferry sails.")}
    (id,) = add(FEED).outcomes
    web.pages = {FEED: _rss(("The ferry", ferry))}
    assert [[id], [id]] == [list(sync(library, loader).gone) for _ in range(2)]
    assert [id] == list(sync(library, loader, prune=True).gone)
    assert 0 == len(library)


def test_entries_without_an_address_stay_when_the_feed_has_others(
    library: Library, web: ScriptedFetcher, add: Add
) -> None:
    def feed(*numbers: int) -> str:
        guid = '<guid isPermaLink="false">n{0}</guid>'
        entry = f"<item>{guid}<title>N {{0}}</title><description>It is {{0}}.</description></item>"
        items = "".join(entry.format(number) for number in numbers)
        return f"<rss version='2.0'><channel><title>H</title>{items}</channel></rss>"

    for numbers in ((1, 2), (2, 3)):
        web.pages[FEED] = feed(*numbers)
        assert [] == list(add(FEED, prune=True).gone)
    assert {"N 1", "N 2", "N 3"} == {article.title for article in library.articles()}


def test_a_summary_that_stands_in_follows_its_feed(
    library: Library, web: ScriptedFetcher, loader: Loader, add: Add
) -> None:
    ferry, summary = "https://herald.example/ferry", "The ferry to Vårsund sails again, says the harbour master. " * 4
    feed = _rss(("Ferry", ferry)).replace("Short.", summary)
    web.pages = {FEED: feed, ferry: LoadError(f"{ferry}: asks for a login; add its text by hand")}
    add(FEED)
    web.pages[FEED] = feed.replace("sails again", "sank")
    assert [] == list(sync(library, loader).failed)
    assert "sank" in _at(library, ferry).text


def test_two_lists_of_one_page_ask_for_it_once(
    library: Library, web: ScriptedFetcher, loader: Loader, add: Add
) -> None:
    ferry, sitemap = "https://herald.example/ferry", "https://herald.example/sitemap.xml"
    web.pages = {
        FEED: _rss(("Ferry", ferry)),
        sitemap: f"<urlset><url><loc>{ferry}</loc><lastmod>2025-05-12</lastmod></url></urlset>",
        ferry: PAGE.format(title="Ferry", text="The ferry sails."),
    }
    add(FEED, sitemap)
    for number in range(3):  # both lists change, the page does not
        web.pages[FEED] = _rss(("Ferry", ferry)) + f"<!-- {number} -->"
        web.pages[sitemap] = str(web.pages[sitemap]).replace("</urlset>", f"<!-- {number} --></urlset>")
        web.asked.clear()
        sync(library, loader)
        assert ferry not in web.asked


def test_what_is_packed_by_gzip_is_read_as_what_it_is(
    tmp_path: Path, library: Library, web: ScriptedFetcher, add: Add
) -> None:
    ferry, sitemap = "https://herald.example/ferry", "https://herald.example/sitemap.xml.gz"
    web.pages = {
        sitemap: gzip.compress(f"<urlset><url><loc>{ferry}</loc></url></urlset>".encode()),
        ferry: PAGE.format(title="Ferry", text="The ferry sails."),
    }
    (tmp_path / "many.jsonl.gz").write_bytes(
        gzip.compress(b'{"id": "a", "text": "It rained."}\n{"id": "b", "text": "x"}')
    )
    assert [] == list(add(tmp_path / "many.jsonl.gz", sitemap).failed)
    assert {"Ferry", "It rained.", "x"} == {article.title for article in library.articles()}


def test_a_feed_that_its_site_keeps_from_programs_is_left_alone(web: ScriptedFetcher, add: Add) -> None:
    ferry = "https://herald.example/ferry"
    web.pages = {FEED: _rss(("Ferry", ferry)), ferry: PAGE.format(title="Ferry", text="The ferry sails.")}
    web.pages["https://herald.example/robots.txt"] = "User-agent: *\nDisallow: /feed"
    (told,) = add(FEED).failed
    assert f"{FEED}: its site forbids" in told
    assert [FEED] == web.asked


def test_a_page_that_is_gone_is_told_and_its_article_stays(
    library: Library, web: ScriptedFetcher, loader: Loader, add: Add
) -> None:
    page = "https://herald.example/ferry"
    web.pages = {page: PAGE.format(title="Ferry", text="The ferry sails.")}
    (id,) = add(page).outcomes
    web.pages = {}
    intake = sync(library, loader)
    assert ([id], 1) == (list(intake.gone), len(library))
    (origin,) = library.origins.shown()
    assert "nothing any longer" in origin.error
    assert origin.seen_at
    assert origin.failed_at
    assert [id] == list(sync(library, loader, prune=True).gone)
    assert 0 == len(library)


def test_a_feed_that_fails_keeps_its_articles_and_shows_its_trouble(
    library: Library, web: ScriptedFetcher, loader: Loader, add: Add
) -> None:
    ferry = "https://herald.example/ferry"
    web.pages = {FEED: _rss(("Ferry", ferry)), ferry: PAGE.format(title="Ferry", text="The ferry sails.")}
    add(FEED)
    web.pages[FEED] = LoadError(f"{FEED}: answers 500; try again later")
    intake = sync(library, loader)
    assert [f"{FEED}: answers 500; try again later"] == list(intake.failed)
    (origin,) = library.origins.shown()
    assert f"{FEED}: answers 500; try again later" == origin.trouble()
    assert 1 == len(library)
    web.pages[FEED] = _rss(("Ferry", ferry))
    sync(library, loader)
    assert [""] == [each.trouble() for each in library.origins.shown()]


def test_a_page_that_fails_is_tried_again_though_its_feed_is_the_same(
    library: Library, web: ScriptedFetcher, loader: Loader, add: Add
) -> None:
    ferry = "https://herald.example/ferry"
    web.pages = {FEED: _rss(("Ferry", ferry)), ferry: LoadError(f"{ferry}: answers 503; try again later")}
    assert 1 == len(add(FEED).failed)
    web.pages[ferry] = PAGE.format(title="Ferry", text="The ferry sails.")
    assert ["added"] == list(sync(library, loader).outcomes.values())


def test_a_feed_that_is_gone_or_a_page_now_keeps_the_articles_that_it_listed(
    library: Library, web: ScriptedFetcher, loader: Loader, add: Add
) -> None:
    ferry = "https://herald.example/ferry"
    web.pages = {FEED: _rss(("Ferry", ferry)), ferry: PAGE.format(title="Ferry", text="The ferry sails.")}
    add(FEED)
    for answer, why in ((None, "nothing any longer"), (PAGE.format(title="Parked", text="For sale."), "is no feed")):
        if answer is None:
            del web.pages[FEED]
        else:
            web.pages[FEED] = answer
        intake = sync(library, loader, prune=True)
        assert [[], 1, True] == [list(intake.gone), len(library), why in intake.failed[0]]
        assert [True] == [why in origin.trouble() for origin in library.origins.shown()]


def test_a_file_from_the_web_can_not_take_another_s_name(library: Library, web: ScriptedFetcher, add: Add) -> None:
    theirs = "https://victim.example/story"
    library.add(Article("Note", "My own note.", id="own-note"))
    web.pages = {
        theirs: PAGE.format(title="Story", text="The truth."),
        "https://evil.example/x.md": f"---\ntitle: Story\nurl: {theirs}\n---\nA lie of many words.",
        "https://evil.example/y.json": '{"id": "own-note", "title": "Note", "text": "Another lie."}',
    }
    add(*web.pages)
    assert ("My own note.", "The truth.") == (library.get("own-note").text, _at(library, theirs).text.split("\n")[0])
    assert {"https://evil.example/x.md", "https://evil.example/y.json", theirs, ""} == {
        article.url for article in library.articles()
    }


def _at(library: Library, url: str) -> Article:
    return next(article for article in library.articles() if article.url == url)


def test_an_aggregator_says_nothing_of_the_pages_of_others(library: Library, web: ScriptedFetcher, add: Add) -> None:
    essay, undated = (
        "https://other.example/essay",
        PAGE.replace("article:published_time", "x").replace("og:site_name", "y"),
    )
    feed = _rss(("Essay", essay)).replace("</item>", "<pubDate>Mon, 12 May 2025 10:00:00 GMT</pubDate></item>")
    web.pages = {FEED: feed, essay: undated.format(title="Essay", text="On ferries.")}
    add(FEED)
    assert (None, "") == (_at(library, essay).published_at, _at(library, essay).publisher)


def test_a_summary_stands_in_only_for_a_page_that_was_never_loaded(
    library: Library, web: ScriptedFetcher, loader: Loader, add: Add
) -> None:
    ferry, summary = "https://herald.example/ferry", "The ferry to Vårsund sails again, says the harbour master. " * 4
    feed = _rss(("Ferry", ferry)).replace("Short.", summary)
    web.pages = {FEED: feed, ferry: LoadError(f"{ferry}: answers 503; try again later")}
    add(FEED)
    assert summary.strip() == _at(library, ferry).text
    web.pages[ferry] = PAGE.format(title="Ferry", text="The ferry sails.")
    sync(library, loader)
    whole = _at(library, ferry).text
    assert "waited for its new engine" in whole
    web.pages |= {
        FEED: feed.replace("<title>Ferry", "<title>The ferry"),
        ferry: LoadError(f"{ferry}: answers 503; wait"),
    }
    assert 1 == len(sync(library, loader).failed)
    assert whole == _at(library, ferry).text


def test_pages_that_fail_keep_no_others_from_being_loaded(library: Library, web: ScriptedFetcher) -> None:
    links = [f"https://herald.example/{number}" for number in range(6)]
    web.pages = {link: LoadError(f"{link}: answers 500; try again") for link in links}
    web.pages |= {
        FEED: _rss(*((f"S {link[-1]}", link) for link in links)),
        links[5]: PAGE.format(title="S", text="It sails."),
    }
    with Loader(web, most_new=2) as loader:
        take(library, loader, [origin_of(FEED)])
        for _ in range(2):
            sync(library, loader)
    assert [links[5]] == [article.url for article in library.articles()]


def test_naming_a_feed_again_brings_back_what_was_removed(
    library: Library, web: ScriptedFetcher, loader: Loader, add: Add
) -> None:
    ferry = "https://herald.example/ferry"
    web.pages = {FEED: _rss(("Ferry", ferry)), ferry: PAGE.format(title="Ferry", text="The ferry sails.")}
    (id,) = add(FEED).outcomes
    library.remove(id)
    sync(library, loader)
    assert 0 == len(library)
    assert ["added"] == list(add(FEED).outcomes.values())


def test_a_round_can_be_ended_where_nothing_is_stored(library: Library, web: ScriptedFetcher, loader: Loader) -> None:
    links = [f"https://herald.example/{number}" for number in range(9)]
    web.pages = {FEED: _rss(*((f"S {link[-1]}", link) for link in links))}

    class Impatient:
        """Ends the intake after three addresses were asked."""

        def expected(self, number: int) -> None:
            del number
            if len(web.asked) > 3:
                raise KeyboardInterrupt

        def passages(self, number: int) -> None: ...
        def failed(self, message: str) -> None: ...
        def article(self, article: Article, outcome: str) -> None: ...

    with pytest.raises(KeyboardInterrupt):
        take(library, loader, [origin_of(FEED)], progress=Impatient())
    assert 4 == len(web.asked)


def test_a_feed_can_not_speak_for_the_pages_of_others(library: Library, web: ScriptedFetcher, add: Add) -> None:
    theirs = "https://herald.example/ferry"
    whole = (
        "<content:encoded><![CDATA[<p>The ferry sank, and nobody was told of it by the Herald.</p>]]></content:encoded>"
    )
    feed = (
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Evil</title>'
        f"<item><title>Ferry</title><link>{theirs}</link>{whole}</item></channel></rss>"
    )
    web.pages = {"https://evil.example/feed": feed, theirs: PAGE.format(title="Ferry", text="The ferry sails.")}
    add(theirs)
    add("https://evil.example/feed")
    assert ["The ferry sails."] == [article.text.split("\n")[0] for article in library.articles()]


def test_a_page_can_not_take_the_place_of_another_site_s(library: Library, web: ScriptedFetcher, add: Add) -> None:
    theirs, evil = "https://herald.example/ferry", "https://evil.example/ferry"
    lie = PAGE.format(title="Ferry", text="The ferry sank.").replace(
        "<head>", f'<head><link rel="canonical" href="{theirs}">'
    )
    web.pages = {theirs: PAGE.format(title="Ferry", text="The ferry sails."), evil: lie}
    add(theirs, evil)
    assert {theirs: "The ferry sails.", evil: "The ferry sank."} == {
        article.url: article.text.split("\n")[0] for article in library.articles()
    }


def test_a_list_of_feeds_adds_them_all_and_a_long_feed_goes_on_the_next_time(
    library: Library, web: ScriptedFetcher
) -> None:
    pages = {
        f"https://herald.example/{number}": PAGE.format(title=f"Ferry {number}", text="It sails.")
        for number in range(5)
    }
    opml = f'<opml version="2.0"><body><outline text="H" xmlUrl="{FEED}"/></body></opml>'
    feed = _rss(*((f"Ferry {address[-1]}", address) for address in pages))
    web.pages = {"https://lists.example/opml": opml, FEED: feed, **pages}
    with Loader(web, most_new=2) as loader:
        lefts = [take(library, loader, [origin_of("https://lists.example/opml")]).left]
        while lefts[-1]:
            lefts.append(sync(library, loader).left)
    assert ([3, 1, 0], 5) == (lefts, len(library))


def test_what_somebody_named_is_looked_at_and_what_a_feed_listed_is_not_named(
    tmp_path: Path, library: Library, web: ScriptedFetcher, add: Add
) -> None:
    ferry = "https://herald.example/ferry"
    web.pages = {FEED: _rss(("Ferry", ferry)), ferry: PAGE.format(title="Ferry", text="The ferry sails.")}
    _write(tmp_path / "in", a="It rained.")
    add(tmp_path / "in", FEED)
    folder = str((tmp_path / "in").resolve())
    assert sorted([folder, FEED]) == [origin.address for origin in library.origins.named()]
    library.origins.forget([FEED])
    assert [folder] == [origin.address for origin in library.origins.named()]
    assert 2 == len(library)


def test_a_quiet_feed_is_in_trouble_and_a_quiet_file_is_not() -> None:
    from datetime import UTC, datetime

    old = datetime(2024, 1, 1, tzinfo=UTC)
    assert "nothing new for" in Origin(FEED, "feed", changed_at=old).trouble()
    assert "" == Origin("/x", "file", changed_at=old).trouble()


def test_a_file_of_many_gives_each_its_own_origin(tmp_path: Path, library: Library, add: Add) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(json.dumps({"id": id, "text": f"It rained in {id}."}) for id in "abc"))
    add(file)
    assert {f"{file.resolve()}!/{id}" for id in "abc"} == {article.origin for article in library.articles()}
    file.write_text("\n".join(json.dumps({"id": id, "text": f"It rained in {id}."}) for id in "ab"))
    assert ["c"] == list(add(file, prune=True).gone)
