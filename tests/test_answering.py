"""Which sentences are said, and when none is."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from newsqa import Article, Passage, ScoredPassage, split_passages
from newsqa.answering.confidence import PACKAGED_CALIBRATION, SIGNALS, Calibration
from newsqa.answering.extractive import NO_ANSWER, ExtractiveAnswerer
from newsqa.answering.sentences import FEATURES, FIRST, PACKAGED_WEIGHTS, UNREAD, SentenceScorer, Weights
from newsqa.errors import ModelError
from newsqa.reader import Reading
from tests.fakes import ScriptedReader


def _passages(*texts: str) -> list[ScoredPassage]:
    made: list[ScoredPassage] = []
    for index, text in enumerate(texts):
        article = Article(id=f"a{index}", title=f"Title {index}", text=text)
        made += [_scored(passage) for passage in split_passages(article)]
    return made


def _scored(passage: Passage) -> ScoredPassage:
    return ScoredPassage(passage, "Title", "Publisher", "", None, 0.5, {"dense": 0.5, "bm25": 1.0})


FERRY = "The ferry sails at noon. It carries forty cars. Dogs are welcome aboard."


def _scorer(*answers: str, none: float = -5.0, most: int = 9) -> SentenceScorer:
    return SentenceScorer(ScriptedReader(*answers), Weights(np.array([1.0, 0.0]), none), most)


def _answerer(*answers: str, none: float = -5.0, least: float = 0.5) -> ExtractiveAnswerer:
    """An answerer that is as sure as some sentence is likely, and abstains below `least`."""
    count = len(SIGNALS)
    calibration = Calibration(np.zeros(count), np.ones(count), np.eye(count)[0], 0.0, ((0.2, least, 1.0),))
    return ExtractiveAnswerer(_scorer(*answers, none=none), calibration)


def test_the_sentence_in_which_the_reader_finds_the_answer_is_first() -> None:
    ranked = _scorer("noon").rank("How many cars does it carry?", _passages(FERRY))
    assert "The ferry sails at noon." == ranked[0].sentence.text
    assert ranked[0].answer is not None
    assert "noon" == ranked[0].answer.of(FERRY)


def test_the_probabilities_and_that_of_none_sum_to_one() -> None:
    sure = sum(each.probability for each in _scorer(none=-50).rank("ferry", _passages(FERRY)))
    unsure = sum(each.probability for each in _scorer(none=50).rank("ferry", _passages(FERRY)))
    assert pytest.approx(1) == sure
    assert pytest.approx(0) == unsure


def test_a_sentence_in_two_passages_stands_once() -> None:
    twice = _passages(FERRY) * 2
    texts = [each.sentence.text for each in _scorer().rank("ferry", twice)]
    assert len(texts) == len(set(texts)) == 3


def test_headings_are_never_said() -> None:
    ranked = _scorer().rank("ferry fares", _passages("## Ferry fares\nA car pays three crowns. Walkers go free."))
    assert {"A car pays three crowns.", "Walkers go free."} == {each.sentence.text for each in ranked}


def test_nothing_more_is_read_once_the_first_passages_settle_it() -> None:
    many = _passages(*(f"The ferry number {index} sails. It is ship {index}." for index in range(9)))
    lower = [*many[:FIRST], *(replace(scored, score=0.1) for scored in many[FIRST:])]
    settled = _scorer("number 0").rank("Which ferry sails?", lower)
    assert 2 * FIRST == len(settled)
    assert settled[0].probability >= 0.9
    assert 2 * len(many) == len(_scorer("number 8", none=0).rank("Which ferry sails?", lower))
    assert 2 * len(many) == len(_scorer("number 0").rank("Which ferry sails?", many))  # as near, of other articles


def test_no_more_is_read_than_may_be() -> None:
    many = _passages(*(f"The ferry number {index} sails." for index in range(9)))
    read = {most: len(_scorer("number 8", most=most).rank("Which ferry sails?", many)) for most in (1, 3, 4, 9)}
    assert {1: 1, 3: 3, 4: 4, 9: 9} == read


def test_a_sentence_that_the_reader_could_not_see_has_no_answer() -> None:
    class Blind:
        def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
            nothing = np.empty(0, np.float32)
            return [Reading(0.0, 0.0, nothing, nothing, np.empty((0, 2), int), question + text) for text in passages]

    ranked = SentenceScorer(Blind(), Weights(np.array([1.0, 0.0]), 0.0)).rank("When?", _passages(FERRY))
    assert [(None, UNREAD)] * 3 == [(each.answer, each.span_score) for each in ranked]


def test_no_passages_no_sentences() -> None:
    assert [] == _scorer().rank("ferry", [])


def test_an_unsure_answerer_abstains_and_shows_what_is_near() -> None:
    reply = _answerer(none=50).reply("ferry", _passages(FERRY))
    assert ("abstained", 1, None) == (reply.status, len(reply.statements), reply.short)
    assert reply.preface.startswith(NO_ANSWER)
    assert "1 passage of 1 article" in reply.preface


def test_a_sure_answerer_says_the_short_answer_and_the_sentence_that_holds_it() -> None:
    reply = _answerer("noon").reply("When does the ferry sail?", _passages(FERRY))
    assert ("answered", "noon") == (reply.status, reply.short)
    assert "Noon. The ferry sails at noon." == reply.statements[0].text
    assert "The ferry sails at noon." == reply.statements[0].quote


def test_passages_come_back_with_the_ones_that_answer_first() -> None:
    reply = _answerer("noon").reply("When does it sail?", _passages("Walkers go free.", FERRY, "Cars pay."))
    assert reply.passages is not None
    assert ["a1"] == [scored.passage.article_id for scored in reply.passages][:1]
    assert reply.passages[0].scores["reader"] > 0.5 > reply.passages[1].scores["reader"]


def test_no_more_than_the_share_that_may_be_wrong_decides_what_is_held_back() -> None:
    count = len(SIGNALS)
    calibration = Calibration(
        np.zeros(count), np.ones(count), np.zeros(count), 0.0, ((0.1, 0.9, 0.2), (0.2, 0.6, 0.5), (0.5, 0.3, 1.0))
    )
    assert (0.9, 0.6, 0.3, 1.0) == tuple(calibration.threshold(share) for share in (0.1, 0.2, 0.9, 0.05))
    replies = [
        ExtractiveAnswerer(_scorer("noon"), calibration, most_wrong).reply("When?", _passages(FERRY))
        for most_wrong in (0.2, 0.5)
    ]
    assert ["abstained", "answered"] == [reply.status for reply in replies]


def test_the_packaged_weights_fit_the_features() -> None:
    assert (len(FEATURES),) == Weights.load().weights.shape


def test_weights_of_other_features_are_refused(tmp_path: Path) -> None:
    values = json.loads(PACKAGED_WEIGHTS.read_text(encoding="utf-8"))
    file = tmp_path / "weights.json"
    file.write_text(json.dumps({**values, "features": ["something else"]}), encoding="utf-8")
    with pytest.raises(ModelError, match="other features"):
        Weights.load(file)
    with pytest.raises(ModelError, match="missing"):
        Weights.load(tmp_path / "nothing.json")


def test_the_packaged_calibration_has_a_curve_on_which_fewer_errors_cost_answers() -> None:
    calibration = Calibration.load()
    assert len(SIGNALS) == len(calibration.mean) == len(calibration.scale) == len(calibration.weights)
    wrong, least, covered = zip(*calibration.curve, strict=True)
    assert list(wrong) == sorted(wrong)
    assert list(least) == sorted(least, reverse=True)
    assert list(covered) == sorted(covered)


def test_a_calibration_of_other_signals_is_refused(tmp_path: Path) -> None:
    values = json.loads(PACKAGED_CALIBRATION.read_text(encoding="utf-8"))
    file = tmp_path / "calibration.json"
    file.write_text(json.dumps({**values, "signals": ["something else"]}), encoding="utf-8")
    with pytest.raises(ModelError, match="other signals"):
        Calibration.load(file)
    with pytest.raises(ModelError, match="missing"):
        Calibration.load(tmp_path / "nothing.json")
