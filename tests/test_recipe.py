"""The reader's recipe: its examples, its batches and losses, a training that is resumed, an export, and figures."""

import gzip
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from newsqa import Article, ScoredPassage, Turn, split_passages
from newsqa.answering.confidence import SIGNALS
from newsqa.dialogue import Understood
from newsqa.domain import Span
from newsqa.reader import Given, Reader
from newsqa.reader.check import check, f1, read_rows
from newsqa.reader.examples import (
    FOLLOW_UPS,
    HELD_OUT,
    NEITHER,
    NO,
    NOT_YES,
    SETS,
    STATEMENTS,
    YES,
    Example,
    ReaderStyle,
    make,
    read,
    write,
)
from newsqa.reader.reading import PACKAGED_READER, reader_tokenizer
from newsqa_evals.remembering import Remembering
from tests.fakes import ScriptedReader

TOWNS = ("Ulm", "Brno", "Lund", "Porto", "Graz", "Turku", "Cork", "Split", "Bergen", "Sète", "Poole", "Nida")
SAILS = "The ferry to {0} sails from the northern harbour at noon."
CARRIES = "It carries {1} cars on each crossing to {0}, the harbour master of the town says."
DOGS = "Dogs are welcome aboard, but the captain of the {0} ferry has the last word."
BUILT = "The ship was built in {0} and in Gdansk by the yards of two brothers."
WINTER = (
    "In the winter of the year {1} the old pier was washed away by a storm, and nobody in {0} has mended it since then."
)
STORY = "\n\n".join([f"{SAILS} {CARRIES} {DOGS} {BUILT}", *[WINTER] * 8])


# A small copy of each set that the examples are made of


def _told(sentence: str, town: str) -> str:
    return sentence.format(town, 30 + TOWNS.index(town))


def _articles() -> list[dict[str, Any]]:
    return [
        {"id": f"id-{town}", "title": f"The {town} ferry", "date": "2025-05-01", "text": _told(STORY, town)}
        for town in TOWNS
    ]


def _questions() -> list[dict[str, Any]]:
    asked: list[tuple[str, str, list[str], dict[str, Any]]] = [
        ("fact", "How many cars does the ferry to {0} carry?", [CARRIES], {"short": ["{1} cars"]}),
        ("open", "What do dogs need aboard the {0} ferry?", [DOGS], {}),
        ("list", "Where was the {0} ferry built?", [BUILT], {"short": ["{0}", "Gdansk"]}),
        ("yes", "Are dogs welcome on the {0} ferry?", [DOGS], {"verdict": "yes"}),
        ("no", "Does the ferry to {0} sail at dawn?", [SAILS], {"verdict": "no"}),
        ("none", "What does the ferry to {0} cost?", [], {"misleading": [CARRIES]}),
        ("who", "Who says so in {0}?", [CARRIES], {"needs_article": True}),
        ("typo", "is teh {0} pier mended", [WINTER], {}),
        (
            "follow",
            "And at what time?",
            [SAILS],
            {
                "short": ["noon"],
                "history": [["Whence does the ferry to {0} sail?", "From the northern harbour."]],
                "standalone_question": "At what time does the ferry to {0} sail?",
            },
        ),
    ]
    return [
        {
            "article": f"id-{town}",
            "kind": kind,
            "question": _told(question, town),
            "evidence": _spans(town, evidence),
            **_filled(more, town),
        }
        for town in TOWNS
        for kind, question, evidence, more in asked
    ]


def _claims() -> list[dict[str, Any]]:
    claimed: list[tuple[str, str, str, str]] = [
        ("true", "paraphrase", "The ferry to {0} leaves at midday.", SAILS),
        ("false", "number", "The ferry to {0} carries ninety cars.", CARRIES),
        ("false", "cause", "Dogs are welcome to {0} because of a law.", DOGS),
    ]
    return [
        {
            "article": f"id-{town}",
            "verdict": verdict,
            "way": way,
            "claim": _told(claim, town),
            "evidence": _spans(town, [evidence]),
        }
        for town in TOWNS
        for verdict, way, claim, evidence in claimed
    ]


def _spans(town: str, sentences: Iterable[str]) -> list[list[int]]:
    text = _told(STORY, town)
    told = [_told(sentence, town) for sentence in sentences]
    return [[text.index(each), text.index(each) + len(each)] for each in told]


def _filled(more: dict[str, Any], town: str) -> dict[str, Any]:
    filled: dict[str, Any] = json.loads(json.dumps(more).replace("{0}", town).replace("{1}", _told("{1}", town)))
    return {**filled, **({"misleading": _spans(town, more["misleading"])} if "misleading" in more else {})}


def _squad_row(town: str, number: int, start: str) -> dict[str, Any]:
    text = f"The ferry to {town} sails at noon. It carries {number} cars on each crossing. {_rambling(town)}"
    return {
        "title": f"Ferries_of_{town}",
        "context": text,
        "question": f"What does the ferry to {town} carry on crossing {number}?",
        "answers": [{"text": f"{number} cars", start: text.index(f"{number} cars")}],
    }


def _rambling(town: str) -> str:
    """A sentence of words that only this town's have."""
    return " ".join(f"{town}{number}" for number in range(20)) + "."


def _rows() -> dict[str, list[dict[str, Any]]]:
    """The rows of each set; those of the sets that are not named here are none."""
    squad = [
        _squad_row(town, number, "answer_start")
        for place, town in enumerate(TOWNS)
        for number in range(30 * place, 30 * place + 3)
    ]
    return {
        "reader_style_articles": _articles(),
        "reader_style_questions": _questions(),
        "reader_style_claims": _claims(),
        "squad_v1.1_train_sample": squad,
        "squad_paraphrased_questions": [_squad_row(town, 50, "start") for town in TOWNS],
        "squad2_train_exact_unanswerable": [{**row, "answers": [], "question": "Who paid?"} for row in squad[:5]],
        "nli_semiauto_wiki": [
            {"premise": f"It sails at {number}.", "hypothesis": label, "label": label}
            for number in range(3)
            for label in ("entailment", "contradiction", "neutral", "-")
        ],
        "nli_fever_binary": [{"premise": "It sails.", "hypothesis": "It sinks.", "label": "not_entailment"}],
        "boolq_yesno": [
            {"text": "question: is it a ferry\npassage: Ship -- It is a ferry.", "label": "True"},
            {"text": "question: is it a train\npassage: Ship -- It is a ferry.", "label": "False"},
            {"text": f"question: is it long\npassage: {'It is. ' * 200}", "label": "True"},
        ],
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with all sets, most of them empty."""
    (tmp_path / "train").mkdir()
    for name in [*SETS, *STATEMENTS, *_rows()]:
        with gzip.open(tmp_path / "train" / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in _rows().get(name, []))
    return tmp_path


# The examples


def _of(examples: Iterable[Example], kind: str) -> list[Example]:
    """The examples of a kind; there are some."""
    found = [example for example in examples if example.kind == kind]
    assert found
    return found


def _evidence(example: Example) -> list[str]:
    """The sentences of the passage that belong to the answer."""
    assert example.evidence is not None
    return [example.passage[slice(*example.sentences[index])] for index in example.evidence]


def _answers(example: Example) -> set[str]:
    return {example.passage[start:end] for start, end in example.answers or ()}


def _town(example: Example) -> str:
    """The town that is asked about."""
    return next(town for town in TOWNS if town in _bare(example))


def _bare(example: Example) -> str:
    """The question without its conversation."""
    return example.question.split(" | ")[0]


def test_every_sentence_of_an_example_stands_in_its_passage_in_its_order(data: Path) -> None:
    for example in make(data):
        told = [example.passage[start:end] for start, end in example.sentences]
        assert all(each == each.strip() and each.endswith(".") for each in told)
        ends = [0, *(end for _, end in example.sentences)]
        assert all(start >= end for (start, _), end in zip(example.sentences, ends, strict=False))


def test_an_answer_stands_in_a_sentence_of_the_evidence(data: Path) -> None:
    answered = [example for example in make(data) if example.answers]
    assert {"squad_v1.1_train_sample", "squad_paraphrased_questions"} < {example.kind for example in answered}
    for example in answered:
        assert example.here
        assert all(any(answer in sentence for sentence in _evidence(example)) for answer in _answers(example))
    for name in ("squad_v1.1_train_sample", "squad_paraphrased_questions"):
        for example in _of(answered, name):
            (answer,) = _answers(example)
            assert [f"It carries {answer} on each crossing."] == _evidence(example)
            assert answer.endswith(" cars")


def test_a_passage_that_is_found_for_a_question_of_another_lacks_its_answer(data: Path) -> None:
    examples = make(data)
    wanted = {
        example.question: _answers(example) for example in examples if example.answers and "reader" not in example.kind
    }
    for example in _of(examples, "squad_v1.1_train_sample#found"):
        assert ((), (), False, NEITHER) == (example.evidence, example.answers, example.here, example.verdict)
        assert not [answer for answer in wanted[example.question] if answer in example.passage]


def test_a_question_without_an_answer_is_read_as_one(data: Path) -> None:
    for example in _of(make(data), "squad2_train_exact_unanswerable"):
        assert ((), (), False, NEITHER) == (example.evidence, example.answers, example.here, example.verdict)


def test_some_passages_of_an_encyclopedia_are_read_with_their_title(data: Path) -> None:
    titled = [example.passage.startswith("Ferries of") for example in _of(make(data), "squad_v1.1_train_sample")]
    assert {True, False} == set(titled)


@pytest.mark.parametrize(
    ("kind", "evidence", "short"),
    [
        ("fact", CARRIES, "{1} cars"),
        ("open", DOGS, None),
        ("list", BUILT, None),
        ("yes", DOGS, None),
        ("no", SAILS, None),
    ],
)
def test_a_question_is_read_with_passages_that_answer_it_and_with_some_that_dont(
    data: Path, kind: str, evidence: str, short: str | None
) -> None:
    examples = _of(make(data), f"reader_style#{kind}")
    assert {True, False} == {example.here for example in examples}
    for example in examples:
        if example.here:
            assert [_told(evidence, _town(example))] == _evidence(example)
            assert (short and {_told(short, _town(example))}) == (_answers(example) or None)
            assert (example.answers is None) == (short is None)
        else:
            assert ((), ()) == (example.evidence, example.answers)
            assert _told(evidence, _town(example)) not in example.passage


def test_a_passage_is_trained_on_behind_its_title_and_day(data: Path) -> None:
    for example in _of(make(data), "reader_style#fact"):
        assert "ferry. 1 May 2025. " in example.passage[:40]
        assert example.sentences[0][0] == example.passage.index("2025. ") + len("2025. ")


@pytest.mark.parametrize(
    ("kind", "verdict"), [("yes", YES), ("no", NO), ("fact", NEITHER), ("typo", None), ("none", NEITHER)]
)
def test_the_verdict_on_a_question_is_only_given_where_it_is_known(data: Path, kind: str, verdict: int | None) -> None:
    for example in _of(make(data), f"reader_style#{kind}"):
        assert (verdict if example.here else NEITHER) == example.verdict


def test_a_question_that_the_article_does_not_answer_is_read_with_what_misleads(data: Path) -> None:
    examples = _of(make(data), "reader_style#none")
    assert {(False, ())} == {(example.here, example.evidence) for example in examples}
    assert {"cars"} <= {word for example in examples for word in example.passage.split()}


def test_a_question_about_one_article_is_read_with_no_other(data: Path) -> None:
    examples = _of(make(data), "reader_style#who")
    assert {True, False} == {example.here for example in examples}
    assert all(_town(example) in example.passage for example in examples)
    assert not [example for example in examples if " | " in example.question]


def test_a_follow_up_is_read_behind_its_conversation_or_as_it_stands_alone(data: Path) -> None:
    asked = {example.question for example in _of(make(data), "reader_style#follow")}
    behind = {question for question in asked if question.startswith("And at what time? | Whence does the ferry to ")}
    alone = {question for question in asked if question.startswith("At what time does the ferry to ")}
    assert behind
    assert alone
    assert asked == behind | alone
    answers = {question.split(" | ")[2] for question in behind}
    assert {"From the northern harbour."} < answers
    assert all(answer.endswith(". [1]") for answer in answers - {"From the northern harbour."})  # as newsqa answers


def test_some_questions_that_stand_alone_are_read_behind_a_conversation_about_something_else(data: Path) -> None:
    examples = make(data)
    asked = [example.question for example in examples if example.kind.startswith("reader_style#")]
    sideways = [question for question in asked if " | " in question and "And at what time" not in question]
    assert 0.02 < len(sideways) / len(asked) < 0.3


@pytest.mark.parametrize(
    ("claim", "verdict"), [("leaves at midday", YES), ("carries ninety cars", NO), ("because of a law", NOT_YES)]
)
def test_a_claim_is_borne_out_or_contradicted_by_its_passage_and_neither_by_another(
    data: Path, claim: str, verdict: int
) -> None:
    examples = [each for each in _of(make(data), "reader_style_claims") if claim in each.question]
    assert {(None, None)} == {(example.here, example.answers) for example in examples}
    assert {verdict, NEITHER} == {example.verdict for example in examples}
    for example in examples:
        assert (verdict if example.evidence else NEITHER) == example.verdict


def test_a_follow_up_leans_on_its_conversation_and_the_same_question_in_full_does_not(data: Path) -> None:
    examples = _of(make(data), "leans")
    assert {("", ())} == {(example.passage, example.sentences) for example in examples}
    assert {None} == {known for each in examples for known in (each.here, each.evidence, each.answers, each.verdict)}
    assert all(" | " in example.question for example in examples)
    trained_on = len(TOWNS) - len(TOWNS[::HELD_OUT])
    assert ["And at what time?"] * FOLLOW_UPS * trained_on == [_bare(example) for example in examples if example.leans]
    alone = {_bare(example) for example in examples if not example.leans}
    full = {question for question in alone if question.startswith("At what time does the ferry to ")}
    assert trained_on == len(full) < len(alone)
    assert not [question for question in alone if question.startswith(("And", "Who says so"))]


def test_statements_are_borne_out_contradicted_neither_or_merely_wrong(data: Path) -> None:
    examples = make(data)
    verdicts = {(each.question, each.verdict) for each in _of(examples, "nli_semiauto_wiki")}
    assert {("entailment", YES), ("contradiction", NO), ("neutral", NEITHER)} == verdicts
    (wrong,) = _of(examples, "nli_fever_binary")
    assert Example("It sinks.", "It sails.", verdict=NOT_YES, kind="nli_fever_binary") == wrong


def test_questions_that_ask_for_a_decision_have_a_yes_or_a_no(data: Path) -> None:
    found = {(each.question, each.passage, each.here, each.verdict) for each in _of(make(data), "boolq")}
    text = "Ship -- It is a ferry."
    assert {("is it a ferry", text, True, YES), ("is it a train", text, True, NO)} == found


def test_no_article_that_is_held_out_is_trained_on(data: Path) -> None:
    held, others = (ReaderStyle(data, random.Random(0), held_out=held_out) for held_out in (True, False))
    assert set(sorted(f"id-{town}" for town in TOWNS)[::HELD_OUT]) == held.articles.keys()
    assert {f"id-{town}" for town in TOWNS} == held.articles.keys() | others.articles.keys()
    assert not held.articles.keys() & others.articles.keys()
    assert {"id-Bergen"} < held.articles.keys() == {row["article"] for row in [*held.asked, *held.claimed]}
    styled = [example for example in make(data) if example.kind.startswith(("reader_style", "leans"))]
    for id in held.articles:
        town = id.removeprefix("id-")
        assert not [each for each in styled if town in each.question or town in each.passage]


def test_the_same_seed_makes_the_same_examples(data: Path) -> None:
    examples = make(data)
    assert examples == make(data)
    assert examples != make(data, seed=1)


def test_what_is_written_is_read_again(data: Path, tmp_path: Path) -> None:
    examples = make(data)
    write(examples, tmp_path / "examples.jsonl.gz")
    assert examples == read(tmp_path / "examples.jsonl.gz")


# The figures of a check


@pytest.mark.parametrize(
    ("answer", "right", "worth"),
    [("the Blue Ferry", ["blue ferry."], 1.0), ("blue", ["a blue ferry", "red"], 2 / 3), ("red", ["blue"], 0.0)],
)
def test_f1_is_that_of_squad(answer: str, right: list[str], worth: float) -> None:
    assert pytest.approx(worth) == f1(answer, right)


def test_a_check_knows_answers_from_none(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"question": "When?", "context": "It sails at noon.", "answers": [{"text": "noon"}]},
        {"question": "When?", "context": "Dogs are welcome.", "answers": []},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = check(ScriptedReader("noon"), read_rows([file]))
    assert (2, 1.0, 1.0, 1.0) == (found.questions, found.forced, found.best, found.auroc)
    worse = check(ScriptedReader("Dogs"), read_rows([file]))
    assert (0.0, 0.5, 0.0) == (worse.forced, worse.best, worse.auroc)


def test_a_span_of_the_checks_reader_is_where_it_says() -> None:
    (reading,) = ScriptedReader("noon").read("When?", [Given("It sails at noon.", (Span(0, 17),))])
    found = reading.best(Span(0, 17))
    assert found is not None
    assert "noon" == found[1].of("It sails at noon.")
    assert reading.sentences[0] > 0


# Batches and losses

FERRY = Example(
    "What does it carry?",
    "Ferry. It sails. It carries forty cars.",
    ((7, 16), (17, 39)),
    (1,),
    ((28, 38),),
    here=True,
    verdict=NEITHER,
    kind="squad",
)
NONE = replace(FERRY, question="What does it cost?", evidence=(), answers=(), here=False)
CHANCE = random.Random(0)
LEANING = Example("And when? | Does it sail? | Yes.", "", leans=True)


def _recipe() -> Any:
    return pytest.importorskip("newsqa.reader.train", exc_type=ImportError)


def test_sentences_and_answers_become_tokens() -> None:
    train = _recipe()
    tokenizer = train.reader_tokenizer()
    encoded = train.encode(tokenizer, FERRY)
    ((first, last),) = encoded.spans
    assert "forty cars" == tokenizer.decode(encoded.ids[first : last + 1])
    told = [tokenizer.decode(encoded.ids[first : last + 1]) for first, last in encoded.sentences]
    assert ["it sails.", "it carries forty cars."] == [text.replace(" .", ".") for text in told]
    assert ([False, True], True, NEITHER, None) == (encoded.evidence, encoded.here, encoded.verdict, encoded.leans)
    none = train.encode(tokenizer, NONE)
    assert ([], [False, False], False) == (none.spans, none.evidence, none.here)


def test_what_is_not_known_stays_unknown() -> None:
    train = _recipe()
    claim = train.encode(train.reader_tokenizer(), Example("It sails.", "It sails at noon.", verdict=YES))
    assert (None, None, None, YES, None) == (claim.evidence, claim.spans, claim.here, claim.verdict, claim.leans)
    leaning = train.encode(train.reader_tokenizer(), LEANING)
    assert ([], {0}, True) == (leaning.sentences, set(leaning.types), leaning.leans)
    assert {None} == {leaning.evidence, leaning.spans, leaning.here, leaning.verdict}


def test_what_was_cut_off_teaches_nothing() -> None:
    train = _recipe()
    passage = "It rained. " + "word " * 400 + "end. It carries forty cars."
    sentences = ((0, 10), (11, passage.index("end.") + 4), (passage.index("It carries"), len(passage)))
    start = passage.index("forty")
    cut = replace(FERRY, passage=passage, sentences=sentences, evidence=(2,), answers=((start, start + 10),))
    encoded = train.encode(train.reader_tokenizer(), cut)
    assert (2, [False, False], None) == (len(encoded.sentences), encoded.evidence, encoded.spans)
    here = replace(cut, evidence=(0, 2))
    assert [True, False] == train.encode(train.reader_tokenizer(), here).evidence


def test_batches_hold_every_example_once_and_stay_within_their_size() -> None:
    train = _recipe()
    examples = [Example(f"Number {n}?", "word " * (n % 150), verdict=n % 3) for n in range(500)]
    made = list(train.batches(examples, train.reader_tokenizer(), seed=0))
    assert 500 == sum(map(len, made))
    assert all(max(len(each.ids) for each in batch) * len(batch) <= train.BATCH_TOKENS for batch in made)
    assert train.BATCH_PAIRS == max(map(len, made))
    again, other = (list(train.batches(examples, train.reader_tokenizer(), seed=seed)) for seed in (0, 1))
    assert made == again != other


def test_a_batch_is_padded_and_says_which_token_is_of_which_sentence() -> None:
    train = _recipe()
    tokenizer = train.reader_tokenizer()
    batch = [train.encode(tokenizer, example) for example in (FERRY, LEANING)]
    ids, mask, types, member = train.tensors_of(batch)
    length = max(len(encoded.ids) for encoded in batch)
    assert [(2, length)] * 3 + [(2, 2, length)] == [tuple(each.shape) for each in (ids, mask, types, member)]
    assert [len(encoded.ids) for encoded in batch] == mask.sum(1).tolist()
    assert ["it sails.", "it carries forty cars."] == [
        tokenizer.decode(ids[0][member[0, index] == 1].tolist()).replace(" .", ".") for index in range(2)
    ]
    assert 0 == member[1].sum() == types[1].sum()


def _loss(example: Example, *, short: Sequence[int] = (0, 0), **said: Any) -> float:
    """What a network loses on one example that says this; of what is not given it says nothing."""
    import torch

    train = _recipe()
    encoded = train.encode(train.reader_tokenizer(), example)
    _, _, types, member = train.tensors_of([encoded])
    start, end = torch.zeros(types.shape), torch.zeros(types.shape)
    start[0, short[0]] = end[0, short[1]] = 9.0
    logits = train.Logits(
        start,
        end,
        torch.tensor([said.get("here", 0.0)]),
        torch.tensor([said.get("sentences", [0.0] * member.shape[1])]),
        torch.tensor([said.get("verdict", [0.0, 0.0, 0.0])]),
        torch.tensor([said.get("leans", 0.0)]),
    )
    return float(train.losses_of(logits, [encoded], types, CHANCE))


def test_each_head_loses_least_where_it_is_right() -> None:
    ((first, last),) = _recipe().encode(_recipe().reader_tokenizer(), FERRY).spans
    right: dict[str, Any] = {
        "here": 5.0,
        "sentences": [-5.0, 5.0],
        "verdict": [-5.0, -5.0, 5.0],
        "short": (first, last),
    }
    least = _loss(FERRY, **right)
    assert least < 0.1
    wrong: dict[str, Any] = {"here": -5.0, "sentences": [5.0, -5.0], "verdict": [5.0, -5.0, -5.0], "short": (0, 0)}
    assert all(_loss(FERRY, **{**right, name: value}) > least + 1 for name, value in wrong.items())
    none: dict[str, Any] = {"here": -5.0, "sentences": [-5.0, -5.0], "verdict": [-5.0, -5.0, 5.0], "short": (0, 0)}
    assert _loss(NONE, **none) < 0.1
    assert _loss(LEANING, leans=5.0) < 0.1
    assert _loss(LEANING, leans=-5.0) > 1


def test_what_is_not_known_of_an_example_costs_nothing() -> None:
    unknown = Example(FERRY.question, FERRY.passage, FERRY.sentences)
    assert 0 == _loss(unknown, here=9.0, sentences=[9.0, -9.0], verdict=[9.0, 0.0, 0.0], leans=9.0, short=(3, 3))
    assert _loss(LEANING, leans=1.0) == _loss(LEANING, leans=1.0, here=9.0, verdict=[9.0, 0.0, 0.0], short=(3, 3))


def test_a_statement_that_is_wrong_somehow_may_be_anything_but_right() -> None:
    wrong = Example("It sinks.", "It sails.", verdict=NOT_YES)
    contradicted, open_, right = (_loss(wrong, verdict=said) for said in ([-9, 9, -9], [-9, -9, 9], [9, -9, -9]))
    assert contradicted < 0.1 > open_
    assert right > 3


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [_recipe().rate_at(share) for share in (0.0, 0.015, 0.03, 0.2, 0.3, 0.65, 1.0)]
    assert [0.02, 0.5, 1, 1, 1, pytest.approx(0.5), 0.02] == rates


# Training and export


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    """The folder of an encoder of the reader's kind that knows nothing."""
    _recipe()
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30522, hidden_size=48, num_hidden_layers=2, num_attention_heads=12, intermediate_size=96
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path / "backbone")
    return tmp_path / "backbone"


@pytest.fixture
def epochs(tmp_path: Path) -> list[Path]:
    """Two files of a few examples."""
    files = [tmp_path / "0.jsonl.gz", tmp_path / "1.jsonl.gz"]
    for file in files:
        write([FERRY, NONE, LEANING] * 30, file)
    return files


def test_a_training_that_was_stopped_goes_on_where_it_was(
    backbone: Path, epochs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    train, checkpoint, whole = _recipe().train, tmp_path / "reader.pt", tmp_path / "whole.pt"
    train(backbone, epochs, checkpoint, 600)
    first = torch.load(checkpoint, map_location="cpu")["state"]
    assert 600 <= first["seen"] < 2000
    assert "goes on" not in capsys.readouterr().out
    train(backbone, epochs, checkpoint, 3000)
    assert f"goes on after {first['seen']:,} tokens" in capsys.readouterr().out
    train(backbone, epochs, whole, 3000)
    one, other = (torch.load(file, map_location="cpu")["state"] for file in (checkpoint, whole))
    assert one == other
    assert one["seen"] >= 3000
    assert one["epoch"] > 0


def test_a_training_learns_and_can_start_from_weights(
    backbone: Path, epochs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, losses = _recipe().train, []
    for name, start in (("first.pt", None), ("second.pt", tmp_path / "first.pt")):
        train(backbone, epochs, tmp_path / name, 4000, start=start)
        losses.append(_lost(backbone, tmp_path / name))
    assert f"starts from {tmp_path / 'first.pt'}; new: nothing" in capsys.readouterr().out
    assert losses[1] < losses[0] < _lost(backbone)


def _lost(backbone: Path, checkpoint: Path | None = None) -> float:
    """What the network of a checkpoint, or one that was not trained, loses on the examples."""
    import torch

    train = _recipe()
    batch = [train.encode(train.reader_tokenizer(), example) for example in (FERRY, NONE, LEANING)]
    ids, mask, types, member = train.tensors_of(batch)
    with torch.no_grad():
        return float(train.losses_of(_network(backbone, checkpoint)(ids, mask, types, member), batch, types, CHANCE))


def _network(backbone: Path, checkpoint: Path | None = None) -> Any:
    import torch

    from newsqa.reader.network import ReaderNetwork

    torch.manual_seed(0)
    network = ReaderNetwork(backbone)
    if checkpoint:
        network.load_state_dict(torch.load(checkpoint, map_location="cpu")["network"])
    return network.eval()


def _tensors(examples: Sequence[Example]) -> Any:
    train = _recipe()
    tokenizer = train.reader_tokenizer()
    return train.tensors_of([train.encode(tokenizer, example) for example in examples])


def test_the_graph_for_one_pair_says_what_the_network_says(backbone: Path) -> None:
    export = pytest.importorskip("newsqa.reader.export", exc_type=ImportError)
    import torch

    network = _network(backbone)
    for example in (FERRY, LEANING):
        ids, mask, types, member = _tensors([example])
        with torch.no_grad():
            many, one = network(ids, mask, types, member), export.OnePair(network).eval()(ids[0], types[0], member[0])
        for name in many._fields:
            torch.testing.assert_close(getattr(many, name)[0], getattr(one, name), atol=1e-5, rtol=1e-4)


def test_what_a_batch_is_padded_with_changes_nothing(backbone: Path) -> None:
    import torch

    network = _network(backbone)
    longer = replace(FERRY, passage=FERRY.passage + " It rained." * 20)
    with torch.no_grad():
        alone, beside = (network(*_tensors(examples)) for examples in ([FERRY], [FERRY, longer]))
    length = alone.start.shape[1]
    for name in alone._fields:
        found = getattr(beside, name)[0]
        torch.testing.assert_close(
            getattr(alone, name)[0], found[:length] if name in {"start", "end"} else found, atol=1e-5, rtol=1e-4
        )


def test_what_is_exported_reads_as_the_network_does(backbone: Path, epochs: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("newsqa.reader.export", exc_type=ImportError)
    import torch

    checkpoint, out = tmp_path / "reader.pt", tmp_path / "out"
    _recipe().train(backbone, epochs, checkpoint, 2000)
    command = [sys.executable, "-m", "newsqa.reader.export", str(backbone), str(checkpoint), "--fp32"]
    done = subprocess.run([*command, "--out", str(out)], check=True, capture_output=True, text=True)
    assert "sha256" in done.stdout
    passage = Given(FERRY.passage, tuple(Span(*sentence) for sentence in FERRY.sentences))
    (reading,) = Reader(out).read(FERRY.question, [passage])
    with torch.no_grad():
        logits = _network(backbone, checkpoint)(*_tensors([FERRY]))
        leaning = _network(backbone, checkpoint)(*_tensors([LEANING])).leans
    assert pytest.approx(logits.sentences[0].tolist(), abs=1e-3) == reading.sentences.tolist()
    assert pytest.approx(torch.softmax(logits.verdict[0], -1).tolist(), abs=1e-3) == reading.verdict.tolist()
    assert pytest.approx(float(logits.here[0]), abs=1e-3) == reading.here
    assert pytest.approx(float(logits.start[0, 0] + logits.end[0, 0]), abs=1e-3) == reading.none
    leans = Reader(out).leans("And when?", [Turn("Does it sail?", "Yes.")])
    assert pytest.approx(float(torch.sigmoid(leaning[0])), abs=1e-3) == leans


# What weighs the reader's scores


def _fit_answerer() -> Any:
    return pytest.importorskip("newsqa_evals.fit_answerer")


def test_a_confidence_fitted_on_separable_signals_knows_right_from_wrong() -> None:
    fit_answerer = _fit_answerer()
    chance = np.random.default_rng(0)
    values = chance.normal(size=(400, len(SIGNALS)))
    right = values[:, 0] + chance.normal(size=400) / 2 > 0
    calibration = fit_answerer.calibrated(values, right)
    everywhere, kinds = np.ones(400, bool), np.array(["fact"] * 400)
    found = fit_answerer.figures(calibration, fit_answerer.Judged(values, right, right, everywhere, everywhere, kinds))
    assert found["AUROC right against wrong"] > 0.9
    assert found["expected calibration error"] < 0.06
    wrong, least, covered = zip(*calibration.curve, strict=True)
    assert (list(wrong), list(covered)) == (sorted(wrong), sorted(covered))
    given = calibration.of(values) >= calibration.threshold(0.1)
    assert 0.05 < np.mean(~right[given]) <= 0.101
    assert least[0] > least[-1]


def _asked(town: str, right: Callable[[Any], bool], *, answerable: bool) -> Any:
    text = f"{_told(SAILS, town)} It rained. {_told(DOGS, town)}"
    (passage,) = split_passages(Article(id=town, title="Ferry", text=text))
    score = 0.4 + TOWNS.index(town) / 100
    scored = ScoredPassage(passage, "Ferry", "", "", date(2025, 5, 1), score, {"dense": score})
    return _fit_answerer().Asked(Understood("When does it sail?"), [scored], right, town, answerable)


def test_fitted_weights_put_first_what_answers_and_none_where_nothing_does() -> None:
    fit_answerer = _fit_answerer()
    reader = Remembering(ScriptedReader(*(_told(SAILS, town) for town in TOWNS[::2])))
    asked = [
        _asked(town, lambda each: "noon" in each.sentence.text and each.here > 0, answerable=town in TOWNS[::2])
        for town in TOWNS
    ]
    weights = fit_answerer.fit(reader, asked)
    for each in asked:
        ranked = each.ranked(reader, weights)
        assert each.answerable == (ranked[0].probability > 0.5)
        assert not each.answerable or each.right(ranked[0])


def test_nothing_is_read_twice_for_the_fit_but_behind_another_conversation() -> None:
    inner = ScriptedReader("noon")
    reader = Remembering(inner)
    noon, dogs = (Given(text, (Span(0, len(text)),)) for text in ("It sails at noon.", "Dogs are welcome."))
    assert [noon.text, dogs.text] == [each.text for each in reader.read("When?", [noon, dogs])]
    assert [dogs.text, noon.text] == [each.text for each in reader.read("When?", [dogs, noon])]
    assert [noon.text, dogs.text] == inner.seen
    for before in ("Does it sail?", "Who sails?"):
        reader.read("When?", [noon], [Turn(before)])
    assert [noon.text, dogs.text, noon.text, noon.text] == inner.seen
    assert [noon.text, noon.text, dogs.text] == [each.text for each in reader.read("Why?", [noon, noon, dogs])]


@pytest.mark.skipif(find_spec("torch") is None or find_spec("onnx") is None, reason="needs newsqa[recipes]")
def test_training_can_go_on_from_the_packaged_reader(tmp_path: Path) -> None:
    import torch
    from transformers import BertModel

    from newsqa.reader.backbone import CONFIG, packaged_weights
    from newsqa.reader.network import ReaderNetwork

    BertModel(CONFIG, add_pooling_layer=False).save_pretrained(tmp_path)
    network = ReaderNetwork(tmp_path).eval()
    network.load_state_dict(packaged_weights(PACKAGED_READER / "model.onnx"))
    text = "The ferry sails at noon."
    (reading,) = Reader().read("When does the ferry sail?", [Given(text, (Span(0, len(text)),))])
    encoding = reader_tokenizer().encode("When does the ferry sail?", text)
    ids, types = torch.tensor([encoding.ids]), torch.tensor([encoding.type_ids])
    told = (types == 1) & (torch.arange(ids.shape[1]) < ids.shape[1] - 1)
    with torch.no_grad():
        logits = network(ids, torch.ones_like(ids), types, told.float()[None])
    assert pytest.approx(reading.sentences[0], abs=0.5) == float(logits.sentences[0, 0])
    assert pytest.approx(reading.here, abs=0.5) == float(logits.here[0])
