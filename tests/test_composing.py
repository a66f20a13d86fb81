"""The forms of an answer: a fact, a list, an explanation, a decision, and articles that agree or differ."""

from dataclasses import replace
from datetime import date

import pytest

from newsqa import Article, ScoredPassage, split_passages
from newsqa.answering.composing import DECIDED, composed, short_answer
from newsqa.answering.sentences import Candidate
from newsqa.domain import Copy, Span


def _candidates(
    text: str,
    *answers: str,
    id: str = "a",
    day: date | None = None,
    chance: float = 0.8,
    copy: str = "",
    verdict: tuple[float, float, float] = (0.0, 0.0, 1.0),
) -> list[Candidate]:
    """The sentences of an article that hold one of the answers, in the order of the answers, all equally likely."""
    (passage,) = split_passages(Article(id=id, title="Ferry news", text=text, publisher=f"Courier {id}"))
    copies = (Copy(copy, "Ferry news", f"Courier {copy}", "", day),) if copy else ()
    scored = ScoredPassage(passage, "Ferry news", f"Courier {id}", "", day, 0.5, copies=copies)
    found = []
    for answer in answers:
        start = text.index(answer)
        index = next(i for i, each in enumerate(passage.sentences) if each.start <= start < each.end)
        previous = passage.sentences[index - 1] if index else None
        span = Span(start, start + len(answer))
        found.append(Candidate(scored, passage.sentences[index], previous, 5.0, 3.0, verdict, span, 5.0, chance))
    return found


def test_a_fact_is_said_before_its_sentence() -> None:
    said = composed("When does it sail?", _candidates("The old ferry to the island sails at noon.", "noon"))
    assert ("noon", "Noon. The old ferry to the island sails at noon.") == (said.short, said.statements[0].text)


def test_a_sentence_that_is_little_more_than_the_answer_stands_alone() -> None:
    said = composed("What happened?", _candidates("It rained.", "It rained"))
    assert "It rained." == said.statements[0].text


def test_a_sentence_that_points_back_is_quoted_with_the_one_before_it() -> None:
    text = "Carla Voss is the harbour master. She was born in Lund in 1961."
    said = composed("Where was Carla Voss born?", _candidates(text, "Lund"))
    assert text == said.statements[0].quote == said.statements[0].source_span.of(text)
    assert "Lund" == said.short


def test_a_pronoun_is_answered_with_the_name_before_it() -> None:
    text = "The mayor, Carla Voss, was late. Then she opened the bridge for everyone."
    assert "Carla Voss" == short_answer(_candidates(text, "she")[0])


def test_what_somebody_says_is_given_with_who_says_it() -> None:
    text = "The new bridge will cost nine million euros, said Carla Voss, who builds it."
    said = composed("How much will the bridge cost?", _candidates(text, "nine million euros"))
    assert said.statements[0].text.startswith("Nine million euros, according to Carla Voss. The new bridge")
    asked = composed("How much will it cost, says Carla Voss?", _candidates(text, "nine million euros"))
    assert asked.statements[0].text.startswith("Nine million euros. The")


def test_articles_that_agree_are_cited_together() -> None:
    first = _candidates("The ferry sails at noon every day.", "noon")
    texts = ("At noon, the harbour says, the boat leaves.", "Passengers board shortly before noon.", "It goes at noon.")
    others = [_candidates(text, "noon", id=str(i), chance=0.1)[0] for i, text in enumerate(texts)]
    said = composed("When does the ferry sail?", [*first, *others])
    assert ["a", "0", "1"] == [statement.article_id for statement in said.statements]
    assert "" == said.preface


def test_two_copies_of_one_story_are_one_witness() -> None:
    first = _candidates("The ferry sails at noon every day.", "noon", copy="b")
    again = _candidates("At noon a boat leaves the island, the harbour master told us.", "noon", id="b", copy="a")
    other = _candidates("People at the pier say that noon is when it leaves.", "noon", id="c", chance=0.2)
    said = composed("When does the ferry sail?", [*first, *again, *other]).statements
    assert ["a", "c"] == [each.article_id for each in said]
    assert ["b"] == [copy.article_id for copy in said[0].copies]


def test_articles_that_differ_are_shown_newest_first_with_outlet_and_date() -> None:
    old = _candidates("The toll will be 2.40 euros.", "2.40 euros", id="old", day=date(2025, 3, 1))
    new = _candidates("Cars are to pay 2.90 euros.", "2.90 euros", id="new", day=date(2025, 6, 14), chance=0.6)
    said = composed("How much is the toll?", [*old, *new])
    assert "The articles differ, the newest first." == said.preface
    assert ["new", "old"] == [statement.article_id for statement in said.statements]
    assert said.statements[0].text == "Courier new, 14 June 2025: Cars are to pay 2.90 euros."
    assert "2.90 euros" == said.short


@pytest.mark.parametrize(("one", "other"), [("1,200 people", "1200"), ("twelve", "12"), ("$5m", "$5 million")])
def test_the_same_figure_in_other_words_is_no_difference(one: str, other: str) -> None:
    found = [*_candidates(f"The ferry took {one} on.", one), *_candidates(f"It carried {other}.", other, id="b")]
    assert "" == composed("How many did the ferry take?", found).preface


def test_nothing_is_said_twice() -> None:
    text = "Carla Voss closed the bridge on Monday. She opened it later that week."
    said = composed("Why did Voss do it?", _candidates(text, "Monday", "later"))
    assert [statement.quote for statement in said.statements] == text.replace("day. ", "day.|").split("|")


def test_one_article_does_not_differ_from_itself() -> None:
    text = "Cars pay 2.90 euros. Lorries pay 9.10 euros."
    assert "" == composed("How much is the toll?", _candidates(text, "2.90 euros", "9.10 euros")).preface


@pytest.mark.parametrize(
    ("text", "answer", "members"),
    [
        ("It sails to Lund, Ulm and Graz daily.", "Ulm", "Lund, Ulm and Graz"),
        ("It sank in 1956, 1957 and 1998.", "1956", "1956, 1957 and 1998"),
        ("Allies, including Ann Lee and the UK’s Bo Fox, agree.", "Ann Lee", "Ann Lee and the UK’s Bo Fox"),
        ("It carries cars, dogs and lorries.", "cars, dogs", None),
        ("On Monday, Ulm and Bonn were hit.", "Ulm", "Ulm and Bonn"),
        ("According to Merz, Ulm and Bonn were hit.", "Ulm", "Ulm and Bonn"),
        ("Flooding hit Ulm and Bonn, and Chancellor Merz flew in.", "Ulm", "Ulm and Bonn"),
        ("It hit Ulm and Lyon, 2023 winners.", "Ulm", "Ulm and Lyon"),
    ],
)
def test_a_list_has_all_the_names_that_stand_together(text: str, answer: str, members: str | None) -> None:
    assert members == composed("Which towns does it serve?", _candidates(text, answer)).short


def test_a_list_is_gathered_from_several_sentences() -> None:
    text = "Ann Lee opposes the plan. The shopkeepers are for it. Bo Fox is against it as well."
    found = [*_candidates(text, "Ann Lee"), *_candidates(text, "Bo Fox", chance=0.3)]
    said = composed("Which councillors are against it?", found)
    assert ("Ann Lee; Bo Fox", 2) == (said.short, len(said.statements))


def test_an_explanation_goes_on_where_the_text_does() -> None:
    text = "The gate stuck half-way. That is because nobody had greased it since 2022. Boats wait."
    said = composed("Why did the gate stick?", _candidates(text, "half-way"))
    assert [None, 2] == [said.short, len(said.statements)]
    assert said.statements[1].quote.startswith("That is because")


CLOSED = "The bridge has been shut to cars since Monday."


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ((0.95, 0.03, 0.02), f"Yes. {CLOSED}"),
        ((DECIDED, 0.1, 0.1), f"Yes. {CLOSED}"),
        ((0.03, 0.95, 0.02), f"No. {CLOSED}"),
        ((0.1, DECIDED, 0.1), f"No. {CLOSED}"),
        ((0.75, 0.2, 0.05), CLOSED),
        ((0.2, 0.75, 0.05), CLOSED),
        ((0.0, 0.0, 1.0), CLOSED),
    ],
)
def test_yes_and_no_are_only_said_where_the_reader_is_sure(verdict: tuple[float, float, float], said: str) -> None:
    answer = composed("Is the bridge closed?", _candidates(CLOSED, "shut", verdict=verdict))
    assert (None, [said]) == (answer.short, [each.text for each in answer.statements])
    assert CLOSED == answer.statements[0].quote


def test_the_likeliest_sentence_decides_and_the_next_one_stands_beside_it() -> None:
    other = _candidates("Cars drove over it on Tuesday.", "Tuesday", id="b", chance=0.6, verdict=(0.0, 1.0, 0.0))
    said = composed("Is the bridge closed?", [*_candidates(CLOSED, "shut", verdict=(1.0, 0.0, 0.0)), *other])
    assert [f"Yes. {CLOSED}", "Cars drove over it on Tuesday."] == [each.text for each in said.statements]


@pytest.mark.parametrize("question", ["When was the bridge closed?", "Why is it closed?", "Which bridges are closed?"])
def test_a_question_that_asks_for_no_decision_gets_no_yes(question: str) -> None:
    (said,) = composed(question, _candidates(CLOSED, "Monday", verdict=(1.0, 0.0, 0.0))).statements
    assert not said.text.startswith(("Yes", "No"))


def test_a_sentence_without_a_span_is_said_as_it_stands() -> None:
    (found,) = _candidates(CLOSED, "Monday")
    said = composed("When was the bridge closed?", [replace(found, answer=None, span_score=-3.0)])
    assert (None, [CLOSED]) == (said.short, [each.text for each in said.statements])
