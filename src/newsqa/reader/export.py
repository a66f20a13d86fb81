"""Makes the packaged reader of a checkpoint: one ONNX file, fused and quantized, and says what quantizing cost.

    python -m newsqa.reader.export checkpoint.pt [--check FILE…] [--fp32] [--out DIRECTORY]

FILE is as for `newsqa.reader.check`; the figures are printed for 32-bit and for int8 weights.
"""

import argparse
import hashlib
import shutil
import tempfile
from pathlib import Path

import torch

from newsqa.models.export_embedding import fuse, packaged_weights, quantize
from newsqa.reader.check import check, read_rows
from newsqa.reader.network import ReaderNetwork
from newsqa.reader.reading import PACKAGED_READER, Reader

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
OUTPUTS = ["start", "end", "here"]


def export_onnx(checkpoint: Path, target: Path) -> None:
    """Writes the network of a checkpoint as fp32 ONNX, its inputs and outputs as `ReaderNetwork` has them."""
    network = ReaderNetwork(packaged_weights(), attention="eager")
    network.load_state_dict(torch.load(checkpoint, map_location="cpu")["network"])
    batch = torch.ones((2, 8), dtype=torch.int64)
    axes = {0: "pairs", 1: "tokens"}
    torch.onnx.export(
        network.eval(),
        (batch, batch, batch),
        str(target),
        input_names=INPUTS,
        output_names=OUTPUTS,
        dynamic_axes=dict.fromkeys([*INPUTS, "start", "end"], axes) | {"here": {0: "pairs"}},
        opset_version=17,
        dynamo=False,
    )


def main() -> None:
    """Exports, fuses, quantizes, checks, and prints the hash."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--check", type=Path, nargs="+", default=[], metavar="FILE")
    parser.add_argument("--fp32", action="store_true", help="keep 32-bit weights (90 MB instead of 23 MB)")
    parser.add_argument("--out", type=Path, default=PACKAGED_READER)
    arguments = parser.parse_args()
    rows = read_rows(arguments.check)
    with tempfile.TemporaryDirectory() as scratch:
        plain, folders = Path(scratch, "plain.onnx"), {name: Path(scratch, name) for name in ("fp32", "int8")}
        for folder in folders.values():
            folder.mkdir()
        export_onnx(arguments.checkpoint, plain)
        fuse(plain, folders["fp32"] / "model.onnx")
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
