"""Fits the sentence scorer's weights on the training sets, none of which is in the repository.

    python -m newsqa_evals.fit_sentence_scorer DATA [--questions 7000]

DATA is the folder with the `train/*.jsonl.gz` sets (SQuAD 1.1 and 2.0, SQuADShifts, Natural Questions by QED).
Every question is searched for among all their paragraphs; of three questions in ten the paragraph with the answer
is then left out, so that "none" is right. The weights are the maximum likelihood of a softmax over the sentences
of the passages found and "none".
"""

import argparse
import gzip
import hashlib
import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from newsqa import Article, HybridRetriever, Library
from newsqa.answering.sentences import FEATURES, PACKAGED_WEIGHTS, SentenceScorer, Weights
from newsqa.embedding import OnnxEmbeddings

if TYPE_CHECKING:
    from numpy.typing import NDArray

SETS = (
    "squad_v1.1_train_sample",
    "squad_v2_train_10articles",
    "squad_v2_dev_a_part",
    "squadshifts_new_wiki",
    "qed_nq_dev",
)
LEFT_OUT = 0.3
"""Share of the answerable questions whose paragraph is left out."""
WEIGHT_DECAY = 1e-3

_UNFITTED = Weights(np.zeros(1), np.ones(1), np.zeros((len(FEATURES), 1)), np.zeros(1), np.zeros(1), 0.0)


@dataclass(frozen=True)
class Example:
    """The features of the sentences in the running for one question, and which of them answer it."""

    features: "NDArray[np.float64]"
    right: "NDArray[np.bool_]"


def examples(
    retriever: HybridRetriever, scorer: SentenceScorer, rows: list[dict[str, Any]], seed: int
) -> Iterator[Example]:
    """An example for each row that has any sentence in the running."""
    chance = random.Random(seed)
    for row in rows:
        gold, left_out = _article_id(row), chance.random() < LEFT_OUT
        found = retriever.find(row["question"], top_k=10)
        passages = [scored for scored in found if not (left_out and scored.passage.article_id == gold)][:8]
        candidates, features = scorer.features(row["question"], passages)
        starts = [answer["answer_start"] for answer in row["answers"]]
        right = [
            candidate.scored.passage.article_id == gold
            and any(candidate.sentence.start <= start < candidate.sentence.end for start in starts)
            for candidate in candidates
        ]
        if candidates:
            yield Example(features, np.array(right))


def fit(training: list[Example], hidden: int = 16, steps: int = 400, seed: int = 0) -> Weights:
    """The weights of greatest likelihood, by Adam over all examples at once."""
    import torch

    torch.manual_seed(seed)
    stacked = np.concatenate([example.features for example in training])
    mean, scale = stacked.mean(0), stacked.std(0) + 1e-6
    features = torch.tensor((stacked - mean) / scale, dtype=torch.float32)
    right = torch.tensor(np.concatenate([example.right for example in training]), dtype=torch.float32)
    owner = torch.tensor(np.repeat(np.arange(len(training)), [len(example.right) for example in training]))
    answerable = torch.tensor([bool(example.right.any()) for example in training])
    network = torch.nn.Sequential(
        torch.nn.Linear(len(FEATURES), hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 1, bias=False)
    )
    none = torch.nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.Adam([*network.parameters(), none], lr=0.02, weight_decay=WEIGHT_DECAY)
    for _ in range(steps):
        odds = torch.exp(network(features)[:, 0])
        empty = torch.zeros(len(training))
        total = empty.index_add(0, owner, odds) + none.exp()
        wanted = torch.where(answerable, empty.index_add(0, owner, odds * right), none.exp())
        loss = (total.log() - (wanted + 1e-12).log()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    layers = {name: value.detach().double().numpy() for name, value in network.state_dict().items()}
    return Weights(mean, scale, layers["0.weight"].T, layers["0.bias"], layers["2.weight"][0], float(none))


def main() -> None:
    """Fits on four fifths of the questions, prints the figures on the last fifth and writes the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--questions", type=int, default=7000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=PACKAGED_WEIGHTS)
    arguments = parser.parse_args()
    rows = _rows(arguments.data, arguments.questions, arguments.seed)
    embedding = OnnxEmbeddings()
    with tempfile.TemporaryDirectory() as folder, Library(Path(folder), embedding, embedding.identity) as library:
        library.add({_article_id(row): _article(row) for row in rows}.values())
        retriever = HybridRetriever(library=library, embedding=embedding)
        scorer = SentenceScorer(embedding, library.rarity, _UNFITTED)
        found = list(examples(retriever, scorer, rows, arguments.seed))
    held = len(found) // 5
    weights = fit(found[held:])
    print(json.dumps(_figures(weights, found[:held]), indent=2))
    arguments.out.write_text(json.dumps(_as_json(weights)) + "\n", encoding="utf-8")


def _rows(data: Path, number: int, seed: int) -> list[dict[str, Any]]:
    rows = []
    for name in SETS:
        with gzip.open(data / "train" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows += [json.loads(line) for line in lines]
    random.Random(seed).shuffle(rows)
    return rows[:number]


def _article_id(row: dict[str, Any]) -> str:
    return hashlib.sha256(row["context"].encode()).hexdigest()[:16]


def _article(row: dict[str, Any]) -> Article:
    title = row["title"].replace("_", " ") or row["context"].split(".")[0][:80]
    return Article(id=_article_id(row), title=title, text=row["context"])


def _figures(weights: Weights, held: list[Example]) -> dict[str, float]:
    scores = [weights.scores(example.features) for example in held]
    answerable = np.array([example.right.any() for example in held])
    first = [bool(example.right[np.argmax(row)]) for example, row in zip(held, scores, strict=True)]
    some = np.array([np.exp(row - weights.none).sum() for row in scores])
    ranks = (some[answerable][:, None] > some[~answerable][None]).mean()
    return {
        "questions": len(held),
        "right sentence first, of those with one in the running": float(np.mean(np.array(first)[answerable])),
        "AUROC of answerable against not": float(ranks),
    }


def _as_json(weights: Weights) -> dict[str, Any]:
    arrays = {name: getattr(weights, name) for name in ("mean", "scale", "hidden", "hidden_bias", "out")}
    rounded = {name: np.round(array, 5).tolist() for name, array in arrays.items()}
    return {"features": FEATURES, "none": round(weights.none, 5), **rounded}


if __name__ == "__main__":
    main()
