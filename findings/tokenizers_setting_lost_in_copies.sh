#!/usr/bin/env bash
# tokenizers 0.23.3: encode_special_tokens is lost in every copy of a tokenizer, truncation is kept.
#
# A tokenizer takes "[MASK]" in a text for its special token, also where a text only speaks of it. Setting
# `encode_special_tokens = True` makes it text. Tokenizer.to_str and save, pickle and copy.deepcopy all leave that setting
# out, without a word, while the truncation that was set beside it is in each of the copies. So a tokenizer that is sent to
# a worker process reads other tokens than the one it was made from.
#
# Seen: original 5 tokens without [MASK]; by to_str, pickle and deepcopy 3 tokens with it.
# Source: this run; the property is described in the package's own tokenizers/__init__.pyi.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install tokenizers==0.23.3
"$folder/venv/bin/python" - <<'PYTHON'
import copy
import pickle

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import BertPreTokenizer

words = ["[UNK]", "[MASK]", "the", "of", "[", "MASK", "]"]
original = Tokenizer(WordPiece({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
original.pre_tokenizer = BertPreTokenizer()
original.add_special_tokens(["[MASK]"])
original.encode_special_tokens = True
original.enable_truncation(100)
text = "the [MASK] of"
copies = {
    "to_str": Tokenizer.from_str(original.to_str()),
    "pickle": pickle.loads(pickle.dumps(original)),
    "deepcopy": copy.deepcopy(original),
}
print("original", original.encode(text).tokens)
assert original.encode(text).tokens == ["the", "[", "MASK", "]", "of"]
for name, other in copies.items():
    print(name, other.encode(text).tokens, "truncation", other.truncation["max_length"])
    assert other.encode(text).tokens == ["the", "[MASK]", "of"], f"{name} keeps the setting now"
    assert not other.encode_special_tokens
    assert other.truncation["max_length"] == 100
PYTHON
