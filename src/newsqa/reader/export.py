"""Makes the packaged reader of a checkpoint: one ONNX file, quantized, and says what quantizing cost.

    python -m newsqa.reader.export BACKBONE checkpoint.pt [--check FILE…] [--fp32] [--out DIRECTORY]

BACKBONE is the folder of `newsqa.reader.backbone`. FILE is as for `newsqa.reader.check`; the figures are printed for
32-bit and for int8 weights.
"""

import argparse
import hashlib
import shutil
import tempfile
from pathlib import Path

import torch

from newsqa.models.export_embedding import quantize
from newsqa.reader.check import check, read_rows
from newsqa.reader.network import Logits, ReaderNetwork
from newsqa.reader.reading import INPUTS, OUTPUTS, PACKAGED_READER, Reader


class OnePair(torch.nn.Module):
    """`ReaderNetwork` for one pair without padding: half the operations of the same graph for many.

    Queries, keys and values come of one product, whose weights hold the scale of the attention; there is no mask.
    ONNX Runtime's own fused attention took 1.3 times as long for 200 tokens (1.32, one thread).
    """

    def __init__(self, network: ReaderNetwork) -> None:
        """Takes the network's weights."""
        super().__init__()
        self.network, encoder = network, network.encoder
        self.words, self.layers = encoder.embeddings, encoder.encoder.layer
        self.heads = encoder.config.num_attention_heads
        scale = (encoder.config.hidden_size // self.heads) ** -0.5
        weights, biases = [], []
        for layer in self.layers:
            own = layer.attention.self
            weights.append(torch.cat([own.query.weight * scale, own.key.weight, own.value.weight]).T)
            biases.append(torch.cat([own.query.bias * scale, own.key.bias, own.value.bias]))
        self.weights = torch.nn.ParameterList(weights)
        self.biases = torch.nn.ParameterList(biases)

    def forward(self, ids: torch.Tensor, types: torch.Tensor, member: torch.Tensor) -> Logits:
        """The logits of one pair: its token ids and types, [tokens], and `member`, [sentences, tokens]."""
        places = torch.arange(ids.shape[0])
        states = self.words.word_embeddings(ids) + self.words.position_embeddings(places)
        states = self.words.LayerNorm(states + self.words.token_type_embeddings(types))
        for layer, weight, bias in zip(self.layers, self.weights, self.biases, strict=True):
            states = layer.attention.output.LayerNorm(self._attended(layer, states, weight, bias) + states)
            inner = layer.output.dense(layer.intermediate.intermediate_act_fn(layer.intermediate.dense(states)))
            states = layer.output.LayerNorm(inner + states)
        network, whole = self.network, states[0]
        mean = (member @ states) / member.sum(-1, keepdim=True).clamp(min=1)
        span = network.span(states)
        return Logits(
            span[:, 0],
            span[:, 1],
            network.here(whole)[0],
            network.sent(torch.cat([mean, whole.expand_as(mean)], -1))[:, 0],
            network.verdict(whole),
            network.leans(whole)[0],
        )

    def _attended(
        self, layer: torch.nn.Module, states: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        width = self.network.encoder.config.hidden_size
        parts = (states @ weight + bias).reshape(-1, 3, self.heads, width // self.heads).permute(1, 2, 0, 3)
        shares = torch.softmax(parts[0] @ parts[1].transpose(-1, -2), -1)
        mixed: torch.Tensor = layer.attention.output.dense((shares @ parts[2]).permute(1, 0, 2).reshape(-1, width))
        return mixed


def export_onnx(backbone: Path, checkpoint: Path, target: Path) -> None:
    """Writes the network of a checkpoint as fp32 ONNX."""
    network = ReaderNetwork(backbone)
    network.load_state_dict(torch.load(checkpoint, map_location="cpu")["network"])
    ids = torch.ones(8, dtype=torch.int64)
    tokens, sentences = {0: "tokens"}, {0: "sentences"}
    torch.onnx.export(
        OnePair(network.eval()).eval(),
        (ids, ids, torch.ones(2, 8)),
        str(target),
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_axes={
            **dict.fromkeys([*INPUTS[:2], "start", "end"], tokens),
            "member": {0: "sentences", 1: "tokens"},
            "sentences": sentences,
        },
        opset_version=17,
        dynamo=False,
    )


def fuse_gelu(source: Path, target: Path) -> None:
    """Writes `source` with ONNX Runtime's own GELU; its other fusions do not fit."""
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    options = FusionOptions("bert")
    options.enable_skip_layer_norm = options.enable_bias_skip_layer_norm = options.enable_attention = False
    options.enable_embed_layer_norm = False
    model = optimize_model(str(source), model_type="bert", optimization_options=options)
    model.save_model_to_file(str(target))


def main() -> None:
    """Exports, quantizes, checks, and prints the hash."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backbone", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--check", type=Path, nargs="+", default=[], metavar="FILE")
    parser.add_argument("--fp32", action="store_true", help="keep 32-bit weights (136 MB instead of 35 MB)")
    parser.add_argument("--out", type=Path, default=PACKAGED_READER)
    arguments = parser.parse_args()
    rows = read_rows(arguments.check)
    with tempfile.TemporaryDirectory() as scratch:
        plain, folders = Path(scratch, "plain.onnx"), {name: Path(scratch, name) for name in ("fp32", "int8")}
        for folder in folders.values():
            folder.mkdir()
        export_onnx(arguments.backbone, arguments.checkpoint, plain)
        fuse_gelu(plain, folders["fp32"] / "model.onnx")
        quantize(folders["fp32"] / "model.onnx", folders["int8"] / "model.onnx")
        for name, folder in folders.items():
            if rows:
                print(name, check(Reader(folder), rows))
        arguments.out.mkdir(parents=True, exist_ok=True)
        chosen = folders["fp32" if arguments.fp32 else "int8"] / "model.onnx"
        print("sha256", hashlib.sha256(chosen.read_bytes()).hexdigest())
        shutil.copyfile(chosen, arguments.out / "model.onnx")


if __name__ == "__main__":
    main()
