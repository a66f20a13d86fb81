"""Which sentences are said, and when none is."""

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest

from newsqa import Article, Passage, ScoredPassage, split_passages
from newsqa.answering.extractive import NO_ANSWER, ExtractiveAnswerer
from newsqa.answering.sentences import FEATURES, PACKAGED_WEIGHTS, READ, SentenceScorer, Weights
from newsqa.errors import ModelError
from tests.fakes import BagOfWordsEmbeddings


def _rarity(stems: Collection[str]) -> dict[str, float]:
    return dict.fromkeys(stems, 0.5)


def _weights(none: float, **weight: float) -> Weights:
    """Weights under which only the named features count."""
    hidden = np.array([[weight.get(name, 0.0)] for name in FEATURES])
    count = len(FEATURES)
    return Weights(np.zeros(count), np.ones(count), hidden, np.zeros(1), np.array([10.0]), none)


def _passages(*texts: str) -> list[ScoredPassage]:
    made: list[ScoredPassage] = []
    for index, text in enumerate(texts):
        article = Article(id=f"a{index}", title=f"Title {index}", text=text)
        made += [_scored(passage) for passage in split_passages(article)]
    return made


def _scored(passage: Passage) -> ScoredPassage:
    return ScoredPassage(passage, "Title", "Publisher", "", None, 0.5, {"dense": 0.5, "bm25": 1.0})


def _scorer(none: float = -5.0) -> SentenceScorer:
    return SentenceScorer(BagOfWordsEmbeddings(), _rarity, _weights(none, sentence_coverage=1.0))


FERRY = "The ferry sails at noon. It carries forty cars. Dogs are welcome aboard."


def test_the_sentence_with_the_words_of_the_question_is_first() -> None:
    ranked = _scorer().rank("How many cars does it carry?", _passages(FERRY))
    assert "It carries forty cars." == ranked[0].sentence.text


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


def test_only_the_best_passages_are_read() -> None:
    many = _passages(*(f"The ferry number {index} sails. It is ship {index}." for index in range(40)))
    assert 2 * READ == len(_scorer().rank("ferry", many))


def test_a_sentence_too_far_down_to_be_read_is_scored_by_its_words() -> None:
    ranked = _scorer().rank("How many cars does it carry?", _passages("word " * 200 + ". " + FERRY))
    assert "It carries forty cars." in [each.sentence.text for each in ranked]


def test_no_passages_no_sentences() -> None:
    assert [] == _scorer().rank("ferry", [])


def test_an_unsure_answerer_abstains_and_shows_what_is_near() -> None:
    reply = ExtractiveAnswerer(_scorer(none=50)).reply("ferry", _passages(FERRY))
    assert ("abstained", 1) == (reply.status, len(reply.statements))
    assert reply.preface.startswith(NO_ANSWER)


def test_a_sure_answerer_says_the_best_sentence_first() -> None:
    reply = ExtractiveAnswerer(_scorer()).reply("Are dogs welcome aboard?", _passages(FERRY))
    assert ("answered", "Dogs are welcome aboard.") == (reply.status, reply.statements[0].quote)


def test_the_same_sentence_of_two_articles_is_said_once() -> None:
    reply = ExtractiveAnswerer(_scorer()).reply("Are dogs welcome aboard?", _passages(FERRY, FERRY))
    assert 1 == len([each for each in reply.statements if each.quote == "Dogs are welcome aboard."])


def test_never_more_than_three_sentences() -> None:
    texts = [f"The ferry of {place} sails at noon daily." for place in ("Ulm", "Brno", "Lund", "Porto", "Graz")]
    assert 3 >= len(ExtractiveAnswerer(_scorer()).reply("When does the ferry sail?", _passages(*texts)).statements)


def test_the_packaged_weights_fit_the_features() -> None:
    weights = Weights.load()
    assert (len(FEATURES),) == weights.mean.shape == weights.scale.shape
    assert weights.hidden.shape == (len(FEATURES), len(weights.out))


def test_weights_of_other_features_are_refused(tmp_path: Path) -> None:
    values = json.loads(PACKAGED_WEIGHTS.read_text(encoding="utf-8"))
    file = tmp_path / "weights.json"
    file.write_text(json.dumps({**values, "features": ["something else"]}), encoding="utf-8")
    with pytest.raises(ModelError, match="other features"):
        Weights.load(file)
    with pytest.raises(ModelError, match="missing"):
        Weights.load(tmp_path / "nothing.json")
