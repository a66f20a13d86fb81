"""Trains the reader; on a CPU in hours, on an accelerator in minutes. A kill loses at most a few minutes.

    python -m newsqa.reader.train checkpoint.pt examples-0.jsonl.gz examples-1.jsonl.gz [--tokens 13.5e6]

Every epoch reads the next of the files, which have the same questions with other negatives. Started again with the
same files and the same checkpoint, it goes on where it was. `--device cuda --bf16` takes an accelerator.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from tokenizers import Tokenizer

from newsqa.models.export_embedding import packaged_weights
from newsqa.reader.examples import Example, read
from newsqa.reader.network import ReaderNetwork
from newsqa.reader.reading import reader_tokenizer

BATCH_TOKENS = 3200
POOL = 3000
"""Examples that are sorted by length and cut into batches at a time."""
RATE, HEADS_RATE = 1.5e-4, 7.5e-4
WARM_UP, DECAY_FROM = 0.05, 0.6
"""Shares of the training: the rate rises until the first and falls from the second on."""
SAVE_EVERY = 240
"""Seconds between checkpoints."""


@dataclass(frozen=True)
class Encoded:
    """An example as token ids and types, and the first and last token of each answer."""

    ids: list[int]
    types: list[int]
    spans: list[tuple[int, int]]


def encode(tokenizer: Tokenizer, example: Example) -> Encoded | None:
    """None where the passage had to be cut before its answer."""
    encoding = tokenizer.encode(example.question, example.passage)
    spans = []
    for start, end in example.answers:
        inside = [
            index
            for index, (type_, (first, last)) in enumerate(zip(encoding.type_ids, encoding.offsets, strict=True))
            if type_ == 1 and first < end and last > start and last > first
        ]
        if inside and encoding.offsets[inside[-1]][1] >= end:
            spans.append((inside[0], inside[-1]))
    return Encoded(encoding.ids, encoding.type_ids, spans) if spans or not example.answers else None


def batches(examples: Sequence[Example], tokenizer: Tokenizer, seed: int) -> Iterator[list[Encoded]]:
    """All examples once, in batches of like length and at most `BATCH_TOKENS` tokens."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    order = chance.sample(range(len(examples)), len(examples))
    for start in range(0, len(order), POOL):
        pool = [encode(tokenizer, examples[index]) for index in order[start : start + POOL]]
        cut = list(_cut(sorted(filter(None, pool), key=lambda encoded: len(encoded.ids))))
        yield from chance.sample(cut, len(cut))


def _cut(pool: Sequence[Encoded]) -> Iterator[list[Encoded]]:
    batch: list[Encoded] = []
    for encoded in pool:
        if batch and len(encoded.ids) * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(encoded)
    if batch:
        yield batch


def loss_of(network: ReaderNetwork, batch: Sequence[Encoded], device: str, chance: random.Random) -> torch.Tensor:
    """Cross-entropy of span start and end ([CLS] where there is none) and of "the answer is here"."""
    length = max(len(encoded.ids) for encoded in batch)
    ids, mask, types = (torch.zeros(len(batch), length, dtype=torch.long) for _ in range(3))
    start, end = torch.zeros(2, len(batch), dtype=torch.long)
    for row, encoded in enumerate(batch):
        size = len(encoded.ids)
        ids[row, :size], mask[row, :size] = torch.tensor(encoded.ids), 1
        types[row, :size] = torch.tensor(encoded.types)
        if encoded.spans:
            start[row], end[row] = torch.tensor(chance.choice([encoded.spans[0], *encoded.spans]))
    ids, mask, types, start, end = (tensor.to(device) for tensor in (ids, mask, types, start, end))
    logits = [logit.float() for logit in network(ids, mask, types)]
    outside = (types == 0) & (torch.arange(length, device=device) > 0)
    spans = [logit.masked_fill(outside, -1e4) for logit in logits[:2]]
    cross_entropy = torch.nn.functional.cross_entropy
    here = torch.nn.functional.binary_cross_entropy_with_logits(logits[2], (start > 0).float())
    return (cross_entropy(spans[0], start) + cross_entropy(spans[1], end)) / 2 + here / 2


def rate_at(share: float) -> float:
    """The share of the peak rate after this share of the training: up, level, then down to 2%."""
    rising, falling = share / WARM_UP, (1 - share) / (1 - DECAY_FROM)
    return max(0.02, min(1.0, rising, falling))


def train(epochs: Sequence[Path], checkpoint: Path, tokens: int, *, device: str = "cpu", bf16: bool = False) -> None:
    """Trains until `tokens` tokens were read, from the checkpoint where there is one; `epochs` hold the examples."""
    torch.manual_seed(0)
    tokenizer = reader_tokenizer()
    network = ReaderNetwork(packaged_weights()).to(device)
    network.encoder.embeddings.word_embeddings.weight.requires_grad_(requires_grad=False)
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in network.encoder.parameters() if p.requires_grad], "peak": RATE},
            {"params": [*network.span.parameters(), *network.here.parameters()], "peak": HEADS_RATE},
        ],
        weight_decay=0.01,
        betas=(0.9, 0.98),
    )
    state = {"seen": 0, "epoch": 0, "batch": 0}
    if checkpoint.exists():
        kept = torch.load(checkpoint, map_location=device)
        network.load_state_dict(kept["network"])
        optimizer.load_state_dict(kept["optimizer"])
        state = kept["state"]
        print(f"goes on after {state['seen']:,} tokens", flush=True)
    chance = random.Random(state["seen"])  # noqa: S311  # no secret
    began, saved, before, losses = perf_counter(), perf_counter(), state["seen"], []
    while state["seen"] < tokens:
        examples = read(epochs[state["epoch"] % len(epochs)])
        for number, batch in enumerate(batches(examples, tokenizer, state["epoch"])):
            if number < state["batch"]:
                continue
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * rate_at(state["seen"] / tokens)
            with torch.autocast(device, torch.bfloat16, enabled=bf16):
                loss = loss_of(network, batch, device, chance)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(float(loss.detach()))
            state["batch"], state["seen"] = number + 1, state["seen"] + sum(len(encoded.ids) for encoded in batch)
            if len(losses) == 50:
                speed = (state["seen"] - before) / (perf_counter() - began)
                print(f"{state['seen']:,} tokens, loss {sum(losses) / 50:.3f}, {speed:.0f} tokens/s", flush=True)
                losses.clear()
            if perf_counter() - saved > SAVE_EVERY or state["seen"] >= tokens:
                _save(checkpoint, {"network": network, "optimizer": optimizer}, state)
                saved = perf_counter()
            if state["seen"] >= tokens:
                return
        state["epoch"], state["batch"] = state["epoch"] + 1, 0


def _save(checkpoint: Path, parts: dict[str, Any], state: dict[str, int]) -> None:
    written = checkpoint.with_suffix(".new")
    torch.save({**{name: part.state_dict() for name, part in parts.items()}, "state": state}, written)
    written.replace(checkpoint)


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("examples", type=Path, nargs="+")
    parser.add_argument("--tokens", type=float, default=13.5e6, help="tokens to read in all; an epoch has about 10e6")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true")
    arguments = parser.parse_args()
    train(arguments.examples, arguments.checkpoint, int(arguments.tokens), device=arguments.device, bf16=arguments.bf16)


if __name__ == "__main__":
    main()
