"""Files and folders to articles: formats and front matter; test_loading_errors.py has what is refused."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsqa import Article, load
from newsqa.errors import LoadError
from newsqa.loading import text as texts
from newsqa.loading.given import Given
from tests.conftest import CORPUS

FRONT_MATTER = """\
---
title: "Rain: how it falls"
subtitle: Nobody knows
url: https://rain.example/1
publisher: The Rain Post
author: Ł. Nuñez
place: Vårsund
published: 2025-05-12
updated: 2025-05-13 06:30:00 +0200
language: no
fictional: true
---
"""


def _written(folder: Path, content: str | bytes, name: str = "rain.md") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def _loaded(file: Path) -> Article:
    (article,) = load(file)
    return article


def _fields(folder: Path, *lines: str) -> Article:
    """The article whose front matter consists of these lines."""
    return _loaded(_written(folder, "\n".join(("---", *lines, "---", "It rained."))))


def test_every_field_of_the_front_matter_is_taken(tmp_path: Path) -> None:
    file = _written(tmp_path, FRONT_MATTER + "\nIt rained.\n")
    expected = Article(
        title="Rain: how it falls",
        text="It rained.",
        id="rain",
        url="https://rain.example/1",
        publisher="The Rain Post",
        author="Ł. Nuñez",
        published_at=date(2025, 5, 12),
        updated_at=datetime(2025, 5, 13, 6, 30, tzinfo=timezone(timedelta(hours=2))),
        subtitle="Nobody knows",
        place="Vårsund",
        language="no",
        fictional=True,
        origin=str(file.resolve()),
    )
    assert expected == _loaded(file)


def test_a_file_without_front_matter_takes_its_id_from_its_name_and_its_title_from_its_first_line(
    tmp_path: Path,
) -> None:
    article = _loaded(_written(tmp_path, "\n# Rain falls\n\nIt rained.\n", "rain-of-may.txt"))
    assert ("rain-of-may", "Rain falls", "# Rain falls\n\nIt rained.") == (article.id, article.title, article.text)
    assert (None, None, "", False) == (
        article.published_at,
        article.updated_at,
        article.language,
        article.fictional,
    )


def test_a_first_line_too_long_for_a_title_gives_way_to_the_file_name(tmp_path: Path) -> None:
    assert "rain of may" == _loaded(_written(tmp_path, "It rained. " * 20, "rain-of_may.md")).title


def test_the_front_matter_gives_another_id(tmp_path: Path) -> None:
    assert "drizzle" == _fields(tmp_path, "id: drizzle").id


def test_the_body_of_the_shipped_article_is_its_source_word_for_word() -> None:
    file = CORPUS / "istanbul-talks-2025-05.md"
    source = file.read_text(encoding="utf-8")
    body = source.split("---\n", 2)[2]
    assert body.split() == _loaded(file).text.split()
    assert body.strip("\n") == _loaded(file).text
    assert source.endswith(_loaded(file).text + "\n")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "byte order mark"])
def test_line_ends_and_a_byte_order_mark_make_no_difference(tmp_path: Path, line_end: str, mark: str) -> None:
    content = mark + (FRONT_MATTER + "\nIt rained.\n\nIt poured.\n").replace("\n", line_end)
    article = _loaded(_written(tmp_path, content))
    assert ("Rain: how it falls", "It rained.\n\nIt poured.") == (article.title, article.text)


def test_text_and_fields_are_composed_characters(tmp_path: Path) -> None:
    article = _fields(tmp_path, "title: Va\u030arsund", "subtitle: Va\u030arsund", "publisher: Va\u030arsund")
    assert ("Vårsund",) * 3 == (article.title, article.subtitle, article.publisher)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200))
def test_any_text_under_a_front_matter_is_loaded_whole(text: str) -> None:
    written = f"---\ntitle: Any\n---\nBegin {text} end\n"
    (article,) = texts.articles(Given("any.md", written.encode()))
    assert Article("Any", f"Begin {text} end").text == article.text


DATES = {
    "a day": ("2025-05-12", date(2025, 5, 12)),
    "a day in quotes": ('"2025-05-12"', date(2025, 5, 12)),
    "an hour": ("2025-05-12 10:30:00", datetime(2025, 5, 12, 10, 30)),  # noqa: DTZ001  # it names no zone
    "an hour in UTC": ("2025-05-12T10:30:00Z", datetime(2025, 5, 12, 10, 30, tzinfo=UTC)),
    "nothing": ("", None),
    "null": ("null", None),
    "empty quotes": ("''", None),
}


@pytest.mark.parametrize(("written", "expected"), DATES.values(), ids=DATES)
@pytest.mark.parametrize("name", ["published", "published_at"])
def test_a_date_is_read_as_it_is_written(tmp_path: Path, name: str, written: str, expected: date | None) -> None:
    article = _fields(tmp_path, f"{name}: {written}")
    assert (expected, None) == (article.published_at, article.updated_at)
    assert type(expected) is type(article.published_at)


@pytest.mark.parametrize("title", ["yes", "No", "null and void", "12:30:45", "012", "1_000", "1e3", "2025-05-12"])
def test_a_title_stays_as_it_is_written(tmp_path: Path, title: str) -> None:
    for lines in ([f"title: {title}"], [f"title: '{title}'"], ["title: >", f"  {title}"]):
        assert title == _fields(tmp_path, *lines).title


def test_a_folder_gives_its_articles_in_the_order_of_their_paths_and_no_readme(tmp_path: Path) -> None:
    names = ["b.md", "a/z.TXT", "a/deep/c.markdown", "c.text", "README.md", "a/readme.txt", "d.png", "e", "f.md/g.md"]
    names += [".hidden.md", ".git/h.md"]
    for name in names:
        _written(tmp_path, "It rained.", name)
    found = [Path(article.origin).relative_to(tmp_path.resolve()).as_posix() for article in load(tmp_path)]
    assert ["a/deep/c.markdown", "a/z.TXT", "b.md", "c.text", "f.md/g.md"] == found


def test_a_file_named_by_itself_may_have_any_suffix_and_paths_keep_their_order(tmp_path: Path) -> None:
    last, first = _written(tmp_path, "It rained.", "z.log"), _written(tmp_path, "It poured.", "a")
    assert ["z", "a"] == [article.id for article in load(last, str(first))]


def test_the_shipped_articles_all_load(corpus: list[Article]) -> None:
    files = sorted(file for file in CORPUS.glob("*.md") if file.stem != "README")
    assert [file.stem for file in files] == [article.id for article in corpus]
    assert all(article.publisher and article.place and article.published_at for article in corpus)
    assert ["istanbul-talks-2025-05"] == [article.id for article in corpus if not article.fictional]


def test_the_content_of_a_file_is_an_article_without_the_file() -> None:
    (article,) = texts.articles(Given("storm.md", b"---\ntitle: Storm\n---\nThe storm took the roof."))
    assert ("storm", "Storm", "") == (article.id, article.title, article.origin)
    with pytest.raises(LoadError, match=r"^storm\.md: is not UTF-8"):
        list(texts.articles(Given("storm.md", b"\xff\xfe storm")))
