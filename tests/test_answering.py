"""Which sentences are said, and when none is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from newsqa import Article, Passage, ScoredPassage, split_passages
from newsqa.answering.confidence import PACKAGED_CALIBRATION, SIGNALS, Calibration, signals
from newsqa.answering.extractive import NO_ANSWER, ExtractiveAnswerer
from newsqa.answering.sentences import AT_A_TIME, FEATURES, PACKAGED_WEIGHTS, SETTLED, SentenceScorer, Weights
from newsqa.dialogue import Understood
from newsqa.domain import Turn
from newsqa.errors import ModelError
from newsqa.reader import Given, Reading
from newsqa.reader.reading import UNREAD
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


EVIDENCE = np.array([1.0, 0.0, 0.0])
"""Weights by which only the reader's logit of the sentence counts."""


def _scorer(*answers: str, none: float = -5.0, most: int = 9) -> SentenceScorer:
    return _scoring(ScriptedReader(*answers), none, most)


def _scoring(reader: ScriptedReader, none: float = -5.0, most: int = 9) -> SentenceScorer:
    return SentenceScorer(reader, Weights(EVIDENCE, none), most)


def _calibration(least: float = 0.5) -> Calibration:
    """As sure as some sentence is likely; `least` is enough."""
    count = len(SIGNALS)
    return Calibration(np.zeros(count), np.ones(count), np.eye(count)[0], 0.0, ((0.2, least, 1.0),))


def _answerer(*answers: str, none: float = -5.0) -> ExtractiveAnswerer:
    return ExtractiveAnswerer(_scorer(*answers, none=none), _calibration())


def test_the_sentence_in_which_the_reader_finds_the_answer_is_first() -> None:
    ranked = _scorer("noon").rank("How many cars does it carry?", _passages(FERRY))
    assert "The ferry sails at noon." == ranked[0].sentence.text
    assert ranked[0].answer is not None
    assert "noon" == ranked[0].answer.of(FERRY)
    assert [None, None] == [each.answer for each in ranked[1:]]


def test_a_sentence_can_answer_without_a_span() -> None:
    class Pointing(ScriptedReader):
        def _reading(self, given: Given) -> Reading:
            return replace(super()._reading(given), sentences=np.array([-5.0, -5.0, 5.0], np.float32))

    (best, *_) = _scoring(Pointing()).rank("Why?", _passages(FERRY))
    assert ("Dogs are welcome aboard.", None) == (best.sentence.text, best.answer)
    assert (5.0, -10.0) == (best.evidence, best.span_score)


def test_the_passage_and_the_retriever_count_as_they_are_weighed() -> None:
    noon, ten = _passages("At noon.", "At ten.")
    found = [noon, replace(ten, score=0.9)]
    best = [
        SentenceScorer(ScriptedReader("noon"), Weights(np.array(weights), 0.0)).rank("When?", found)[0]
        for weights in ([0.0, 1.0, 0.0], [0.0, 0.0, 1.0])
    ]
    assert [("At noon.", 3.0), ("At ten.", -3.0)] == [(each.sentence.text, each.here) for each in best]


def test_the_verdict_on_a_passage_is_that_of_its_sentences() -> None:
    reader = ScriptedReader("noon", verdict=(0.75, 0.25, 0.0))
    ranked = _scoring(reader).rank("Does it sail?", _passages(FERRY))
    assert {(0.75, 0.25, 0.0)} == {each.verdict for each in ranked}


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


@pytest.mark.parametrize("settling", range(9))
def test_nothing_more_is_read_once_a_sentence_is_settled(settling: int) -> None:
    lower = [replace(scored, score=0.5 if index <= settling else 0.1) for index, scored in enumerate(_fleet())]
    reader = ScriptedReader(f"number {settling} ")
    ranked = _scoring(reader, none=-1).rank("Which ferry sails?", lower)
    assert f"The ferry number {settling} sails." == ranked[0].sentence.text
    assert ranked[0].probability >= SETTLED
    assert min(9, AT_A_TIME * (settling // AT_A_TIME + 1)) == len(reader.seen) == len(ranked) / 2


def test_what_is_not_settled_is_read_to_the_end() -> None:
    lower = [replace(scored, score=0.1) for scored in _fleet()]
    assert 2 * len(lower) == len(_scorer("number 0 ", none=9).rank("Which ferry sails?", lower))


def test_an_article_that_is_as_near_is_read_beside_the_one_that_settles_it() -> None:
    near, far = _fleet()[:5], [replace(scored, score=0.1) for scored in _fleet()[5:]]
    reader = ScriptedReader("number 0 ")
    _scoring(reader).rank("Which ferry sails?", [*near, *far])
    assert [scored.passage.text for scored in near] == reader.seen


def test_more_of_the_article_that_settles_it_is_not_read() -> None:
    own = _passages(" ".join(f"The ferry number {n} sails and carries a great many cars." for n in range(80)))
    reader = ScriptedReader("number 0 ")
    _scoring(reader).rank("Which ferry sails?", own)
    assert [scored.passage.text for scored in own[:AT_A_TIME]] == reader.seen
    assert len(own) > 2 * AT_A_TIME


def test_no_more_is_read_than_may_be() -> None:
    many = _passages(*(f"The ferry number {index} sails." for index in range(9)))
    read = {most: len(_scorer("number 8", most=most).rank("Which ferry sails?", many)) for most in (1, 3, 4, 9)}
    assert {1: 1, 3: 3, 4: 4, 9: 9} == read


def _fleet() -> list[ScoredPassage]:
    """Nine passages of two sentences, each of an article of its own."""
    return _passages(*(f"The ferry number {index} sails. It is ship {index}." for index in range(9)))


def test_the_conversation_is_read_with_the_question() -> None:
    reader, turns = ScriptedReader("noon"), (Turn("Does the ferry sail?", "Yes."),)
    _scoring(reader).rank("And when?", _passages(FERRY, "Dogs.", "Cars."), turns)
    ExtractiveAnswerer(_scoring(reader), _calibration()).reply(Understood("And when?", turns), _passages(FERRY))
    assert [("And when?", turns)] * 3 == reader.asked


@pytest.mark.parametrize("question", ["", "?!", " … "])
def test_a_question_without_a_word_reads_nothing(question: str) -> None:
    reader = ScriptedReader("noon")
    assert [] == _scoring(reader).rank(question, _passages(FERRY))
    assert [] == reader.asked


def test_a_sentence_that_the_reader_could_not_see_has_no_answer() -> None:
    class Blind(ScriptedReader):
        def _reading(self, given: Given) -> Reading:
            nothing, unread = np.empty(0, np.float32), np.full(len(given.sentences), UNREAD, np.float32)
            return Reading(0.0, unread, np.eye(3)[2], 0.0, nothing, nothing, np.empty((0, 2), int), given.text)

    ranked = _scoring(Blind(), none=0).rank("When?", _passages(FERRY))
    assert [(None, UNREAD, UNREAD)] * 3 == [(each.answer, each.span_score, each.evidence) for each in ranked]
    assert ranked[0].probability < 1e-6


def test_no_passages_no_sentences() -> None:
    assert [] == _scorer().rank("ferry", [])


def test_a_question_is_understood_with_the_turns_that_the_reader_says_it_needs() -> None:
    reader = ScriptedReader(leaning=["And when?"])
    answerer = ExtractiveAnswerer(_scoring(reader), _calibration())
    history = [Turn("Does the ferry sail?", "Yes.")]
    assert Understood("And when?", tuple(history)) == answerer.understood("And when?", history)
    assert Understood("Who won?") == answerer.understood("Who won?", history)


def test_yes_is_said_where_the_reader_says_so() -> None:
    reader = ScriptedReader("Dogs", verdict=(0.9, 0.1, 0.0))
    answerer = ExtractiveAnswerer(_scoring(reader), _calibration())
    reply = answerer.reply(Understood("Are dogs allowed?"), _passages(FERRY))
    assert ("answered", "Yes. Dogs are welcome aboard.") == (reply.status, reply.statements[0].text)


def test_an_unsure_answerer_abstains_and_shows_what_is_near() -> None:
    reply = _answerer(none=50).reply(Understood("ferry"), _passages(FERRY))
    assert ("abstained", 1, None) == (reply.status, len(reply.statements), reply.short)
    assert reply.preface.startswith(NO_ANSWER)
    assert "1 passage of 1 article" in reply.preface


def test_a_sure_answerer_says_the_short_answer_and_the_sentence_that_holds_it() -> None:
    reply = _answerer("noon").reply(Understood("When does the ferry sail?"), _passages(FERRY))
    assert ("answered", "noon") == (reply.status, reply.short)
    assert "Noon. The ferry sails at noon." == reply.statements[0].text
    assert "The ferry sails at noon." == reply.statements[0].quote


def test_passages_come_back_with_the_ones_that_answer_first() -> None:
    reply = _answerer("noon").reply(Understood("When does it sail?"), _passages("Walkers go free.", FERRY, "Cars pay."))
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
        ExtractiveAnswerer(_scorer("noon"), calibration, most_wrong).reply(Understood("When?"), _passages(FERRY))
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


def test_the_signals_tell_what_form_of_answer_is_asked_for() -> None:
    ranked = _scorer("noon").rank("When?", _passages(FERRY))
    told = {
        question: dict(zip(SIGNALS, signals(question, ranked), strict=True))
        for question in ("When does it sail?", "Does it sail at noon?", "Why does it sail at noon?")
    }
    assert [(0, 0), (1, 0), (0, 1)] == [(each["decision"], each["explanation"]) for each in told.values()]
    assert {(5.0, 3.0, 10.0, 0.5, 0.5)} == {
        tuple(each[name] for name in ("sentence", "here", "span", "cosine", "score")) for each in told.values()
    }


def test_a_sentence_whose_end_was_not_read_is_no_further_off_than_any() -> None:
    (best, *rest) = _scorer("noon").rank("When?", _passages(FERRY))
    unread = [replace(best, answer=None, span_score=UNREAD), *rest]
    assert -10 == dict(zip(SIGNALS, signals("When?", unread), strict=True))["span"]


def test_without_a_sentence_there_is_no_confidence() -> None:
    assert 0 == _calibration().confidence("When?", [])


def test_a_calibration_of_other_signals_is_refused(tmp_path: Path) -> None:
    values = json.loads(PACKAGED_CALIBRATION.read_text(encoding="utf-8"))
    file = tmp_path / "calibration.json"
    file.write_text(json.dumps({**values, "signals": ["something else"]}), encoding="utf-8")
    with pytest.raises(ModelError, match="other signals"):
        Calibration.load(file)
    with pytest.raises(ModelError, match="missing"):
        Calibration.load(tmp_path / "nothing.json")
