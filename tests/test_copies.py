"""Near-identical articles are one story: found by MinHash, forgotten with their articles, one witness in answers."""

from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from newsqa import Article, Filters, HybridRetriever, Library
from newsqa.answering.overview import Overview
from newsqa.library import copies
from tests.conftest import open_library
from tests.fakes import BagOfWordsEmbeddings

BODY = (
    "The bridge at Hollin was closed on Monday after inspectors found cracks in two of its piers. The town council "
    "said that repairs would take at least four months and cost 3.2 million crowns. Buses run over the northern "
    "crossing until then. Mayor Ilse Varga said that nobody was in danger at any time.\n\n"
    "Traders in the old town fear for their summer. A spokesman for the chamber of commerce said that every second "
    "guest comes by the bridge, and that the council had known of the cracks since the autumn. The council denies it."
)
OTHER = (
    "The dictionary of the Haldermarch dialect has its first volume. It lists 14,000 words from A to F, and one map."
)


def _article(id: str, text: str = BODY, day: date | None = date(2025, 5, 12), publisher: str = "") -> Article:
    return Article(f"Bridge closed ({id})", text, id=id, published_at=day, publisher=publisher or f"The {id}")


HERALD = _article("herald")
COURIER = _article("courier", BODY.replace("on Monday", "Monday"), date(2025, 5, 13))
GAZETTE = _article("gazette", f"{BODY} (Haldermarch Press Bureau)", date(2025, 5, 14))


@pytest.fixture
def copied(library: Library) -> Library:
    """Three copies of one story, and another one."""
    library.add([COURIER, HERALD, GAZETTE, _article("dictionary", OTHER)])
    return library


def test_equal_texts_have_equal_fingerprints_and_others_are_as_alike_as_their_words() -> None:
    one, same, other = map(copies.fingerprint, (BODY, BODY.upper(), OTHER))
    assert one == same
    assert 512 == len(one)
    assert copies.similarity(one, other) < 0.1
    assert 0.75 < copies.similarity(one, copies.fingerprint(COURIER.text)) < 1


def test_the_articles_of_one_story_are_known_the_earliest_first(copied: Library) -> None:
    stories = copied.stories(["gazette", "dictionary"])
    assert {"gazette": ["herald", "courier", "gazette"]} == {
        id: [each.article_id for each in story] for id, story in stories.items()
    }


def test_the_preferred_publisher_comes_first_and_filters_keep_copies_out(copied: Library) -> None:
    preferred = copied.stories(["herald"], Filters(preferred_publisher="The gazette"))["herald"]
    assert ["gazette", "herald", "courier"] == [each.article_id for each in preferred]
    passing = copied.stories(["herald"], Filters(article_ids=("herald", "gazette")))["herald"]
    assert ["herald", "gazette"] == [each.article_id for each in passing]


def test_articles_of_other_days_are_copies_only_when_they_are_the_same(library: Library) -> None:
    later = date(2026, 5, 12)
    changed = BODY.replace("Monday", "Friday").replace("two of its piers", "its deck").replace("four", "six")
    assert 0.75 < copies.similarity(*(copies.fingerprint(text) for text in (BODY, changed))) < 0.9
    library.add([HERALD, _article("anew", changed, later)])
    assert {} == library.stories(["herald"])
    library.add(_article("again", BODY, later))
    assert ["herald", "again"] == [each.article_id for each in library.stories(["herald"])["herald"]]


def test_an_article_that_is_removed_or_rewritten_is_no_copy_any_longer(copied: Library) -> None:
    copied.remove("gazette")
    copied.add(_article("courier", OTHER))
    assert {} == copied.stories(["herald"])
    assert ["courier", "dictionary"] == sorted(each.article_id for each in copied.stories(["dictionary"])["dictionary"])


def test_a_library_without_fingerprints_gets_them_when_it_is_opened(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        library.add([HERALD, COURIER])
        library._catalogue.set_settings({"fingerprints": "of an earlier version"})
        with library._catalogue._writing.begin() as connection:
            copies.clear(connection)
        assert {} == library.stories(["herald"])
    with open_library(tmp_path) as library:
        assert ["herald"] == list(library.stories(["herald"]))


def _retriever(library: Library, **options: int) -> HybridRetriever:
    return HybridRetriever(library=library, embedding=BagOfWordsEmbeddings(), **options)


def test_of_copies_the_earliest_is_found_and_names_the_others(copied: Library) -> None:
    found = _retriever(copied).find("How much do the repairs of the bridge cost?")
    assert ["herald", "dictionary"] == list(dict.fromkeys(scored.passage.article_id for scored in found))
    assert [["courier", "gazette"], []] == [[copy.article_id for copy in scored.copies] for scored in found]
    assert ["courier", "dictionary"] == [scored.story for scored in found]


def test_of_copies_the_preferred_publisher_s_is_found(copied: Library) -> None:
    found = _retriever(copied).find("How much do the repairs cost?", Filters(preferred_publisher="The courier"))
    assert "courier" == found[0].passage.article_id
    assert ["herald", "gazette"] == [copy.article_id for copy in found[0].copies]


def test_copies_take_no_place_of_other_articles(copied: Library) -> None:
    found = _retriever(copied, top_k=2).find("How many words does the bridge have?")
    assert {"herald", "dictionary"} == {scored.passage.article_id for scored in found}


def test_what_only_a_copy_says_is_found_there(library: Library) -> None:
    more = f"{BODY}\n\nA diver who looked at the piers told the paper that he had found a bronze bell in the mud."
    library.add([HERALD, _article("courier", more, date(2025, 5, 13))])
    assert ["herald", "courier"] == [each.article_id for each in library.stories(["courier"])["courier"]]
    first = _retriever(library).find("What did the diver find?")[0]
    assert "courier" == first.passage.article_id
    assert "bronze bell" in first.passage.text
    assert ["herald"] == [copy.article_id for copy in first.copies]


def test_a_passage_with_other_figures_is_not_replaced(library: Library) -> None:
    library.add([HERALD, _article("courier", BODY.replace("3.2 million", "5.9 million"), date(2025, 5, 13))])
    costs = {
        scored.passage.article_id: "5.9" in scored.passage.text
        for scored in _retriever(library).find("How much do the repairs cost?")
    }
    assert {"herald": False, "courier": True} == costs


def test_a_correction_of_a_copy_is_found(library: Library) -> None:
    resigned = f"{BODY} The mayor has resigned, her office told the paper."
    library.add(
        [
            _article("herald", resigned),
            _article("courier", resigned.replace("has resigned", "has not resigned"), date(2025, 5, 13)),
        ]
    )
    said = {scored.passage.text for scored in _retriever(library).find("Has the mayor resigned?")}
    assert [True, True] == [any(words in text for text in said) for words in ("has resigned", "has not resigned")]


def test_when_the_first_of_a_story_goes_the_others_stay_one(copied: Library) -> None:
    first = copied.stories(["herald"])["herald"]
    copied.remove("courier")
    copied.remove("herald")
    copied.add(_article("post", f"{BODY} (The Upland Post)", date(2025, 5, 13)))
    assert 3 == len(first)
    assert ["post", "gazette"] == [each.article_id for each in copied.stories(["gazette"])["gazette"]]


def test_many_copies_are_one_story_at_little_cost(library: Library) -> None:
    library.add(_article(f"a{number:03}", f"{BODY} ({number})") for number in range(60))
    with library._catalogue._engine.begin() as connection:
        bands = connection.exec_driver_sql("SELECT COUNT(*) FROM bands").scalar()
    assert (60, copies.BANDS) == (len(library.stories(["a000"])["a000"]), bands)


def test_the_earliest_is_told_by_the_moment_and_not_by_its_spelling(library: Library) -> None:
    west, east = (
        datetime(2025, 5, 12, 23, tzinfo=timezone(timedelta(hours=-5))),
        datetime(2025, 5, 13, 1, tzinfo=timezone(timedelta(hours=2))),
    )
    library.add([_article("west", BODY, west), _article("east", BODY, east)])
    assert ["east", "west"] == [each.article_id for each in library.stories(["west"])["west"]]


def test_what_is_new_names_a_story_once(library: Library) -> None:
    library.add([_article(f"a{day:02}", f"{BODY} ({day})", date(2025, 5, day)) for day in range(1, 13)])
    library.add(_article("dictionary", OTHER, date(2025, 4, 1)))
    said = Overview(library, BagOfWordsEmbeddings()).news(Filters()).statements
    assert ["a12", "dictionary"] == [each.article_id for each in said]
