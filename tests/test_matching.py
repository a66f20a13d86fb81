"""An answer matches what was expected as a reader would say it does."""

import pytest

from newsqa_evals.matching import matches, normal, token_f1, without_markers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It sails at Noon.", "noon"),
        ("The mayor, Ana Ruiz, resigned.", "ana ruiz"),
        ("It has 1,250 seats.", "1250"),
        ("It has 1250 seats.", "1,250"),
        ("Prices rose 2.5%.", "2.5 %"),
        ("It costs €2.90 a day.", "€ 2.90"),
        ("They paid £2bn.", "£2 bn"),
        ("Readers of The Hague Post", "Hague Post"),
        ("Hague Post", "the Hague Post"),
        ("The company’s chief", "the company chief"),
        ("It was the company's.", "company"),
        ("They don’t know", "don't"),
        ("A twenty-one-year-old", "twenty one"),
        ("Cafe\u0301 Central", "CAFÉ"),
        ("It sails on 5 May 2025, at noon", "May 2025"),
    ],
)
def test_case_punctuation_articles_and_possessives_make_no_difference(text: str, expected: str) -> None:
    assert matches(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It has 120 seats.", "12"),
        ("It has 12,000 seats.", "12"),
        ("It took 12.5 days.", "12"),
        ("They were treated fairly.", "air"),
        ("Prices rose 2.5.", "2.5%"),
        ("It costs 2.90.", "€2.90"),
        ("It costs $2.90.", "€2.90"),
        ("Ruiz met Ana.", "Ana Ruiz"),
        ("Ana Maria Ruiz", "Ana Ruiz"),
        ("", "noon"),
    ],
)
def test_other_tokens_or_another_order_do_not_match(text: str, expected: str) -> None:
    assert not matches(text, expected)


@pytest.mark.parametrize("nothing", ["", "…", "The"])
def test_what_has_no_token_matches_nothing(nothing: str) -> None:
    assert not matches("The ferry …", nothing)


@pytest.mark.parametrize("word", ["company’s", "company's", "Company’s,", "the “company’s”", "COMPANY’S"])
def test_a_possessive_is_the_word_itself_wherever_it_stands(word: str) -> None:
    assert ["company"] == normal(word)


@pytest.mark.parametrize(
    ("text", "groups", "expected"),
    [
        ("At noon", [["at noon"]], 1.0),
        ("It sails at noon", [["noon"]], 2 * 1 / (4 + 1)),
        ("It sails at noon", [["midnight", "at noon"]], 2 * 2 / (4 + 2)),
        ("Ana Ruiz", [["Ana"], ["Ruiz"]], 1.0),
        ("Ana Ruiz", [["Ana"], ["Ben", "Ben Cole"]], 2 * 1 / (2 + 2)),
        ("no no no", [["no"]], 2 * 1 / (3 + 1)),
        ("It sails", [["noon"]], 0.0),
        ("", [["noon"]], 0.0),
    ],
    ids=["all", "a part", "the best string", "all groups", "one group of two", "each once", "none", "empty"],
)
def test_token_f1_counts_the_shared_tokens(text: str, groups: list[list[str]], expected: float) -> None:
    assert pytest.approx(expected) == token_f1(text, groups)


def test_only_markers_are_taken_out() -> None:
    text = "The ferry sails [at noon]. [1] Dogs are welcome. [12] It is [3]."
    assert "The ferry sails [at noon]. Dogs are welcome. It is." == without_markers(text)
