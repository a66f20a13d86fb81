"""What holds for the sentences and passages of any text; test_sentences.py says where news text is to be cut."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsqa import Article, split_passages, split_sentences
from newsqa.passages import MAX_SENTENCE_CHARS

PIECES = [
    *("\n", "\n\n", "\r", "\r\n", "\t", "\x0b", "\x0c", "\x1c", "\x85", "\xa0", "\u2003", "\u2028", "\u3000"),
    *("\0", "\u200b", "\u200f", "\u202e", "\ufeff", "\u0301", "e\u0301", "😀", "👩‍👩‍👧", "שלום", "مرحبا", "你好。"),
    *("# ", "## Heading\n", "- item\n", "1. item\n", "Q: ", "—", "“", "”", '"', "'", "‘", "’", "(", ")", "[", "<b>"),
    *(".", "!", "?", "…", "...", "Dr. ", "No. 7", "5 p.m. ", "U.S. ", "e.g. ", "Ł. ", "$80.5", "He left. ", "so "),
    *("x" * 70, "y" * 1300, "word " * 300, "Words. " * 40),
]
LINES = [
    *("## Why it rained", "A History of Rain", "- item", "It rained. " * 9, "Nobody came, and so it poured. " * 25),
    "Then " + "it rained and " * 80 + "it poured.",
]
any_text = st.one_of(
    st.text(max_size=200),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=50).map(" ".join),
    st.lists(st.sampled_from(LINES), max_size=20).map("\n".join),
)
languages = st.sampled_from(["en", "de", "ar", "?"])
articles = st.builds(Article, title=st.text(max_size=20), text=any_text, language=languages)
plain_articles = st.lists(st.integers(5, 25), min_size=30, max_size=150).map(
    lambda lengths: Article("Plain", " ".join("The" + " word" * (length - 1) + "." for length in lengths))
)


@given(articles)
@example(Article("One word", "x" * 50_000))
@example(Article("One quotation", "“" + "He came. " * 400 + "”"))
@example(Article("Nothing", ""))
@settings(deadline=None)
def test_sentences_reproduce_their_text_in_order_and_lose_nothing_but_white_space(article: Article) -> None:
    at = 0
    for sentence in split_sentences(article.text, article.language, [article.title]):
        assert sentence.text == article.text[sentence.start : sentence.end]
        assert not article.text[at : sentence.start].strip()
        assert at <= sentence.start < sentence.end
        assert sentence.end - sentence.start <= MAX_SENTENCE_CHARS
        at = sentence.end
    assert not article.text[at:].strip()


@given(articles, st.integers(5, 180))
@example(Article("One word", "x" * 50_000), 120)
@settings(deadline=None)
def test_passages_are_whole_sentences_cover_the_article_and_share_at_most_one(article: Article, words: int) -> None:
    sentences = split_sentences(article.text, article.language, [article.title])
    passages = split_passages(article, words)
    covered = 0
    for passage in passages:
        first = sentences.index(passage.sentences[0])
        assert passage.text == article.text[passage.start : passage.end]
        assert (passage.start, passage.end) == (passage.sentences[0].start, passage.sentences[-1].end)
        assert passage.sentences == tuple(sentences[first : first + len(passage.sentences)])
        assert covered - 1 <= first <= covered < first + len(passage.sentences)
        covered = first + len(passage.sentences)
    assert len(sentences) == covered


@given(articles)
@settings(deadline=None)
def test_a_passage_never_crosses_a_heading_nor_ends_with_one_that_has_text_below(article: Article) -> None:
    passages = split_passages(article)
    for passage in passages:
        assert not any(after.heading and not before.heading for before, after in pairwise(passage.sentences))
    assert not any(passage.sentences[-1].heading for passage in passages[:-1])


@given(plain_articles, st.integers(120, 180))
@settings(deadline=None)
def test_passages_are_about_as_long_as_asked_for(article: Article, words: int) -> None:
    sizes = [len(passage.text.split()) for passage in split_passages(article, words)]
    assert max(sizes) <= 2 * words
    assert min(sizes) >= min(words / 3, len(article.text.split()))


@given(plain_articles, st.integers(5, 180))
@settings(deadline=None)
def test_no_passage_lies_inside_its_neighbour(article: Article, words: int) -> None:
    for before, after in pairwise(split_passages(article, words)):
        assert before.start < after.start
        assert before.end < after.end


def test_passages_behind_a_very_long_sentence_keep_their_size() -> None:
    article = Article("Long", "A" + " b" * 499 + ". " + "It rained on the day that everybody liked best. " * 50)
    assert all(len(passage.text.split()) >= 60 for passage in split_passages(article, 120))


@given(articles)
@settings(deadline=None)
def test_passage_ids_stay_the_same_and_belong_to_one_revision_of_one_article(article: Article) -> None:
    ids = [passage.id for passage in split_passages(article)]
    assert len(ids) == len(set(ids))
    assert ids == [passage.id for passage in split_passages(replace(article))]
    for other in (replace(article, id="another"), replace(article, author="Another")):
        assert not {passage.id for passage in split_passages(other)} & set(ids)


def test_a_short_sentence_is_repeated_in_the_next_passage() -> None:
    article = Article("Short", " ".join(f"Sentence {number} is a short one." for number in range(90)))
    for before, after in pairwise(split_passages(article, 120, 30)):
        assert before.sentences[-1] == after.sentences[0]


def test_a_long_sentence_is_not_repeated_in_the_next_passage() -> None:
    article = Article("Long", " ".join(f"Sentence{number}" + " word" * 39 + "." for number in range(9)))
    sentences = [sentence for passage in split_passages(article, 120, 30) for sentence in passage.sentences]
    assert len(sentences) == len(set(sentences)) == 9


def test_a_quotation_too_long_for_a_sentence_is_cut_where_a_sentence_ends() -> None:
    sentences = split_sentences("“" + "We came, and then we went. " * 100 + "”")
    assert len(sentences) > 1
    assert all(sentence.text.startswith(("“We", "We", "”")) for sentence in sentences)


@pytest.mark.parametrize("unit", ["word. ", "Ł. ", "a.m. ", "“", "It rained. ", "word\n", "1. "])
def test_a_hundred_thousand_characters_of_anything_are_cut(unit: str) -> None:
    text = "A " + unit * (100_000 // len(unit))
    assert "".join(text.split()) == "".join("".join(sentence.text.split()) for sentence in split_sentences(text))
