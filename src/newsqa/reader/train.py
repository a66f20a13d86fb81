"""Trains the reader; on a CPU in hours, on an accelerator in minutes. A kill loses at most a few minutes.

    python -m newsqa.reader.train BACKBONE checkpoint.pt examples-0.jsonl.gz [examples-1.jsonl.gz …] [--tokens 7e6]

BACKBONE is the folder that `newsqa.reader.backbone` makes. Every epoch reads the next of the files of examples. Started
again with the same files and the same checkpoint, it goes on where it was. `--from FILE` starts from weights that were
trained before: safetensors, a checkpoint, or the `model.onnx` of the packaged reader. `--bf16` halves the time where
the processor knows bfloat16; `--device cuda` takes an accelerator.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from newsqa.reader.backbone import packaged_weights
from newsqa.reader.examples import YES, Example, read
from newsqa.reader.network import Logits, ReaderNetwork
from newsqa.reader.reading import reader_tokenizer

BATCH_TOKENS, BATCH_PAIRS = 3200, 24
"""At most in a batch: without the second, short texts would make few steps."""
POOL = 3000
"""Examples that are sorted by length and cut into batches at a time."""
RATE, HEADS_RATE = 6e-5, 3e-4
WARM_UP, DECAY_FROM = 0.03, 0.3
"""Shares of the training: the rate rises until the first and falls from the second on."""
WEIGHTS = {"span": 0.5, "here": 0.5, "sentences": 2.0, "verdict": 1.0, "leans": 1.0}
"""Of each head's loss in the sum."""
SAVE_EVERY = 240
"""Seconds between checkpoints."""
_UNKNOWN = -100


@dataclass(frozen=True)
class Encoded:
    """An example as token ids and types, with the first and last token of each sentence and answer."""

    ids: list[int]
    types: list[int]
    sentences: list[tuple[int, int]]
    evidence: list[bool] | None
    """Of each of the sentences."""
    spans: list[tuple[int, int]] | None
    here: bool | None
    verdict: int | None
    leans: bool | None


def encode(tokenizer: Tokenizer, example: Example) -> Encoded:
    """What was cut off is left out; an answer that was is not known."""
    if not example.passage:
        encoding = tokenizer.encode(example.question)
        return Encoded(encoding.ids, encoding.type_ids, [], None, None, None, None, example.leans)
    encoding = tokenizer.encode(example.question, example.passage)
    places = [_tokens(encoding, *sentence, whole=False) for sentence in example.sentences]
    known = [index for index, place in enumerate(places) if place]
    evidence = None if example.evidence is None else [index in example.evidence for index in known]
    spans = None
    if example.answers is not None:
        found = [_tokens(encoding, *answer, whole=True) for answer in example.answers]
        spans = [place for place in found if place]
        spans = None if example.answers and not spans else spans
    sentences = [place for place in places if place]
    cut_off = bool(example.evidence) and not any(evidence or ())
    here, verdict = (None, None) if cut_off else (example.here, example.verdict)
    return Encoded(encoding.ids, encoding.type_ids, sentences, evidence, spans, here, verdict, example.leans)


def _tokens(encoding: Any, start: int, end: int, *, whole: bool) -> tuple[int, int] | None:
    """The first and last token of a part of the passage; None where nothing of it, or not all of it, is there."""
    inside = [
        index
        for index, (type_, (first, last)) in enumerate(zip(encoding.type_ids, encoding.offsets, strict=True))
        if type_ == 1 and first < end and last > start and last > first
    ]
    if not inside or (whole and encoding.offsets[inside[-1]][1] < end):
        return None
    return inside[0], inside[-1]


def batches(examples: Sequence[Example], tokenizer: Tokenizer, seed: int) -> Iterator[list[Encoded]]:
    """All examples once, in batches of like length and bounded size."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    order = chance.sample(range(len(examples)), len(examples))
    for start in range(0, len(order), POOL):
        pool = [encode(tokenizer, examples[index]) for index in order[start : start + POOL]]
        cut = list(_cut(sorted(pool, key=lambda encoded: len(encoded.ids))))
        yield from chance.sample(cut, len(cut))


def _cut(pool: Sequence[Encoded]) -> Iterator[list[Encoded]]:
    batch: list[Encoded] = []
    for encoded in pool:
        if len(batch) == BATCH_PAIRS or len(encoded.ids) * (len(batch) + 1) > BATCH_TOKENS:
            if batch:
                yield batch
            batch = []
        batch.append(encoded)
    if batch:
        yield batch


def tensors_of(batch: Sequence[Encoded]) -> tuple[torch.Tensor, ...]:
    """The network's inputs: ids, mask, types and member, padded."""
    length = max(len(encoded.ids) for encoded in batch)
    ids, mask, types = (torch.zeros(len(batch), length, dtype=torch.long) for _ in range(3))
    member = torch.zeros(len(batch), max(1, *(len(encoded.sentences) for encoded in batch), 1), length)
    for row, encoded in enumerate(batch):
        size = len(encoded.ids)
        ids[row, :size], mask[row, :size] = torch.tensor(encoded.ids), 1
        types[row, :size] = torch.tensor(encoded.types)
        for index, (first, last) in enumerate(encoded.sentences):
            member[row, index, first : last + 1] = 1
    return ids, mask, types, member


def losses_of(logits: Logits, batch: Sequence[Encoded], types: torch.Tensor, chance: random.Random) -> torch.Tensor:
    """The weighted sum of the heads' losses; what is not known of an example has none.

    Cross-entropy of span start and end ([CLS] where there is none) and of the verdict; binary cross-entropy of "it is
    here", of each sentence and of "it leans". A statement that is wrong somehow costs -log(1 - probability of yes).
    """
    cross_entropy, binary = torch.nn.functional.cross_entropy, torch.nn.functional.binary_cross_entropy_with_logits
    device = types.device
    chosen = [chance.choice(encoded.spans or [(0, 0)]) if encoded.spans is not None else None for encoded in batch]
    outside = (types == 0) & (torch.arange(types.shape[1], device=device) > 0)
    losses: dict[str, torch.Tensor] = {}
    if any(chosen):
        for name, side in (("start", 0), ("end", 1)):
            wanted = torch.tensor([span[side] if span else _UNKNOWN for span in chosen], device=device)
            found = getattr(logits, name).float().masked_fill(outside, -1e4)
            losses["span"] = (
                losses.get("span", torch.zeros((), device=device))
                + cross_entropy(found, wanted, ignore_index=_UNKNOWN) / 2
            )
    for name in ("here", "leans"):
        known = [row for row, encoded in enumerate(batch) if getattr(encoded, name) is not None]
        if known:
            wanted = torch.tensor([float(getattr(batch[row], name)) for row in known], device=device)
            losses[name] = binary(getattr(logits, name)[known].float(), wanted)
    places = [
        (row, index, float(good))
        for row, encoded in enumerate(batch)
        for index, good in enumerate(encoded.evidence or ())
    ]
    if places:
        rows, indices, good = zip(*places, strict=True)
        found = logits.sentences.float()[list(rows), list(indices)]
        losses["sentences"] = binary(found, torch.tensor(good, device=device))
    judged = [row for row, encoded in enumerate(batch) if encoded.verdict is not None]
    if judged:
        shares = torch.log_softmax(logits.verdict[judged].float(), -1)
        wrong = torch.log1p(-shares[:, YES].exp().clamp(max=1 - 1e-6))
        each = torch.cat([shares, wrong.unsqueeze(-1)], -1)  # the last column is that of NOT_YES
        wanted = torch.tensor([batch[row].verdict for row in judged], device=device)
        losses["verdict"] = -each.gather(1, wanted.unsqueeze(-1)).mean()
    return sum((WEIGHTS[name] * loss for name, loss in losses.items()), torch.zeros((), device=device))


def rate_at(share: float) -> float:
    """The share of the peak rate after this share of the training: up, level, then down to 2%."""
    rising, falling = share / WARM_UP, (1 - share) / (1 - DECAY_FROM)
    return max(0.02, min(1.0, rising, falling))


def train(
    backbone: Path,
    epochs: Sequence[Path],
    checkpoint: Path,
    tokens: int,
    *,
    start: Path | None = None,
    device: str = "cpu",
    bf16: bool = False,
) -> None:
    """Trains until `tokens` tokens were read, from the checkpoint where there is one; `epochs` hold the examples."""
    torch.manual_seed(0)
    tokenizer = reader_tokenizer()
    network = ReaderNetwork(backbone).to(device)
    if start:
        missing = network.load_state_dict(_weights(start), strict=False).missing_keys
        print(f"starts from {start}; new: {', '.join(missing) or 'nothing'}", flush=True)
    network.encoder.embeddings.word_embeddings.weight.requires_grad_(requires_grad=False)
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in network.encoder.parameters() if p.requires_grad], "peak": RATE},
            {"params": network.heads(), "peak": HEADS_RATE},
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
            ids, mask, types, member = (tensor.to(device) for tensor in tensors_of(batch))
            with torch.autocast(device, torch.bfloat16, enabled=bf16):
                logits = network(ids, mask, types, member)
            loss = losses_of(logits, batch, types, chance)
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


def _weights(file: Path) -> dict[str, torch.Tensor]:
    """The weights of a safetensors file, of a packaged reader or of a checkpoint, in 32 bits."""
    if file.suffix == ".onnx":
        return packaged_weights(file)
    if file.suffix == ".safetensors":
        return {name: tensor.float() for name, tensor in load_file(file).items()}
    weights: dict[str, torch.Tensor] = torch.load(file, map_location="cpu")["network"]
    return weights


def _save(checkpoint: Path, parts: dict[str, Any], state: dict[str, int]) -> None:
    written = checkpoint.with_suffix(".new")
    torch.save({**{name: part.state_dict() for name, part in parts.items()}, "state": state}, written)
    written.replace(checkpoint)


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backbone", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("examples", type=Path, nargs="+")
    parser.add_argument("--tokens", type=float, default=7e6, help="tokens to read in all; an epoch has about 9e6")
    parser.add_argument("--from", type=Path, dest="start", help="weights to start from")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true")
    arguments = parser.parse_args()
    train(
        arguments.backbone,
        arguments.examples,
        arguments.checkpoint,
        int(arguments.tokens),
        start=arguments.start,
        device=arguments.device,
        bf16=arguments.bf16,
    )


if __name__ == "__main__":
    main()
