"""Every file and path that is no article: each is refused by name, with what is wrong and the next step."""

import os
from pathlib import Path

import pytest

from newsqa import load
from newsqa.errors import LoadError
from newsqa.loading.text import MAX_BYTES

BOMB = ["a: &a [x, x, x, x, x, x, x, x]"] + [
    f"{after}: &{after} [*{name}, *{name}, *{name}, *{name}, *{name}, *{name}, *{name}, *{name}]"
    for name, after in zip("abcdefgh", "bcdefghi", strict=True)
]
MERGES = ["a: &a {x: 1}"] + [
    f"{after}: &{after}\n  <<: [*{name}, *{name}, *{name}, *{name}, *{name}, *{name}, *{name}, *{name}]"
    for name, after in zip("abcdefghijklmno", "bcdefghijklmnop", strict=True)
]
# What the file holds, and the words that say what is wrong and what to do.
BAD: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": ("", ["is empty", "write"]),
    "only white space": (" \n\t\n", ["is empty", "write"]),
    "only a byte order mark": ("\ufeff", ["is empty", "write"]),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0\0", ["is a picture"]),
    "UTF-16": ("It rained in Vårsund.".encode("utf-16"), ["not text", "UTF-8"]),
    "UTF-16 without a mark": ("It rained.".encode("utf-16-le"), ["not text", "UTF-8"]),
    "UTF-16 of Chinese": ("下雨了。".encode("utf-16"), ["not UTF-8", "save"]),
    "Latin-1": ("It rained in Vårsund.".encode("latin-1"), ["not UTF-8", "byte 14", "save"]),
    "too large": (b"It rained. " * (MAX_BYTES // 11 + 1), ["10,000,000 bytes", "split"]),
    "broken YAML": ('---\ntitle: "Rain\n---\nIt rained.', ["front matter", "line 3", "correct"]),
    "a colon without quotes": ("---\ntitle: Rain: how\n---\nIt rained.", ["front matter", "line 2", "correct"]),
    "a control character": ("---\ntitle: R\x07\n---\nIt rained.", ["not text", "UTF-8"]),
    "unclosed": ("---\ntitle: Rain\n\nIt rained.", ["not closed", "---"]),
    "closed with dots": ("---\ntitle: Rain\n...\nIt rained.", ["not closed", "---"]),
    "a list": ("---\n- Rain\n- Snow\n---\nIt rained.", ["front matter", "field: value"]),
    "a scalar": ("---\nRain\n---\nIt rained.", ["front matter", "field: value"]),
    "a list as title": ("---\ntitle: [Rain, Snow]\n---\nIt rained.", ["'title'", "one text", "quotes"]),
    "a mapping as author": ("---\nauthor: {name: Rain}\n---\nIt rained.", ["'author'", "one text"]),
    "a list as date": ("---\npublished: [2025]\n---\nIt rained.", ["'published'", "one text"]),
    "a date in words": ("---\npublished: May 12\n---\nIt rained.", ["'published'", "'May 12'", "2025-05-12"]),
    "a day that is none": ("---\nupdated: 2025-02-30\n---\nIt rained.", ["'updated'", "'2025-02-30'", "2025-05-12"]),
    "a year": ("---\npublished: 2025\n---\nIt rained.", ["'published'", "2025-05-12"]),
    "a huge front matter": (f"---\nnote: {'x' * 1_000_000}\n---\nIt rained.", ["20,000 characters", "shorten"]),
    "aliases that multiply": ("\n".join(["---", *BOMB, "title: *i", "---", "It rained."]), ["'title'", "one text"]),
    "an alias of itself": ("---\na: &a [*a]\n---\nIt rained.", ["front matter", "correct"]),
    "endless nesting": (f"---\ntitle: {'[' * 9000}\n---\nIt rained.", ["front matter", "correct"]),
    "a Python object": ("---\ntitle: !!python/name:os.system [a]\n---\nIt rained.", ["'title'", "one text"]),
    "a right-to-left override": ("It \u202ederiar\u202c.", ["overrides the direction", "remove U+202D"]),
    "one in its title": ("---\ntitle: R\u202ein\n---\nIt rained.", ["title overrides", "remove"]),
    "no text below": ("---\ntitle: Rain\n---\n\n \n", ["no text", "below its front matter"]),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD)
def test_a_file_that_is_no_article_is_refused_by_name_with_the_next_step(
    tmp_path: Path, content: str | bytes, words: list[str]
) -> None:
    file = tmp_path / "rain.md"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(LoadError) as raised:
        load(tmp_path)
    assert [] == [word for word in (str(file), *words) if word not in str(raised.value)]
    assert 1 == len(str(raised.value).splitlines())


def test_merges_that_multiply_are_no_work(tmp_path: Path) -> None:
    (tmp_path / "rain.md").write_text("\n".join(["---", *MERGES, "title: Rain", "---", "It rained."]), "utf-8")
    assert ["Rain"] == [article.title for article in load(tmp_path)]


PATHS = {
    "missing": ("nowhere", ["no such file", "check the path"]),
    "a folder without articles": ("", ["holds no articles", ".md", ".txt"]),
    "another scheme": ("ftp://rain.example/1.md", ["ftp://rain.example/1.md", "http"]),
    "too long a name": ("x" * 5000, ["too long", "check"]),
    "a NUL in it": ("rain\0.md", ["null", "check"]),
}


@pytest.mark.parametrize(("path", "words"), PATHS.values(), ids=PATHS)
def test_a_path_that_gives_no_article_is_refused_by_name_with_the_next_step(
    tmp_path: Path, path: str, words: list[str]
) -> None:
    (tmp_path / "rain.png").write_bytes(b"It rained.")
    with pytest.raises(LoadError) as raised:
        load(path if "://" in path else tmp_path / path)
    assert [] == [word for word in words if word not in str(raised.value)]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no endless file")
def test_an_endless_file_is_refused() -> None:
    with pytest.raises(LoadError, match="more than 200,000,000 bytes; split it"):
        load("/dev/zero")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rain.md"
    file.write_text("It rained.", "utf-8")
    file.chmod(0)
    with pytest.raises(LoadError, match=r"rain\.md.*permission"):
        load(file)


def test_a_link_to_nowhere_is_refused_and_passed_over_in_a_folder(tmp_path: Path) -> None:
    link = tmp_path / "link.md"
    link.symlink_to(tmp_path / "nowhere.md")
    (tmp_path / "rain.md").write_text("It rained.", "utf-8")
    with pytest.raises(LoadError, match="no such file"):
        load(link)
    assert ["rain"] == [article.id for article in load(tmp_path)]


def test_on_error_is_told_of_each_bad_file_and_the_others_go_on(tmp_path: Path) -> None:
    for name, content in (("a.md", b"It rained."), ("b.md", b""), ("c.md", b"\xff rain"), ("d.md", b"It poured.")):
        (tmp_path / name).write_bytes(content)
    errors: list[LoadError] = []
    articles = load(tmp_path / "nowhere", tmp_path, tmp_path / "a.md", on_error=errors.append)
    assert ["a", "d", "a"] == [article.id for article in articles]
    assert ["no such file", "is empty", "not UTF-8"] == [
        next(words for words in ("no such file", "is empty", "not UTF-8") if words in str(error)) for error in errors
    ]
