"""The packaged model, and any other by sentence-transformers."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsqa.embedding import PACKAGED_MODEL, OnnxEmbeddings, SentenceTransformersEmbeddings
from newsqa.errors import ModelError
from newsqa.settings import Settings
from newsqa.wiring import assemble

TEXTS = [
    "Russia controls 18% of Ukrainian territory.",
    "The ferry sails at noon.",
    "Škvorec-Åberg paid €12.45 million for the bridge, and nobody knows why.",
    "word " * 600,
    "?",
]
EMBEDDINGS = OnnxEmbeddings()


def _cosines(one: Any, other: Any) -> Any:
    return (np.asarray(one) * np.asarray(other)).sum(axis=1)


def test_vectors_have_length_one_and_keep_the_order() -> None:
    vectors = EMBEDDINGS.encode(TEXTS)
    assert (len(TEXTS), 384) == vectors.shape
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)


@settings(max_examples=10, deadline=None)
@given(st.permutations(TEXTS), st.integers(1, len(TEXTS)))
def test_a_vector_is_the_same_to_the_bit_alone_and_among_others_in_any_order(texts: list[str], count: int) -> None:
    together = EMBEDDINGS.encode(texts[:count])
    alone = [EMBEDDINGS.encode([text])[0] for text in texts[:count]]
    assert [vector.tobytes() for vector in alone] == [vector.tobytes() for vector in together]


def test_a_vector_is_the_same_to_the_bit_however_many_threads_there_are() -> None:
    one, four = (OnnxEmbeddings(threads=threads).encode(TEXTS * 4) for threads in (1, 4))
    assert EMBEDDINGS.encode(TEXTS * 4).tobytes() == one.tobytes() == four.tobytes()


def test_what_is_stored_and_what_is_asked_is_the_same_vector() -> None:
    assert [EMBEDDINGS.embed_query(text) for text in TEXTS] == EMBEDDINGS.embed_documents(TEXTS)


def test_near_in_meaning_is_near_in_vectors() -> None:
    asked, near, far = EMBEDDINGS.encode(
        ["When does the boat leave?", "The ferry sails at noon.", "Steel welds had hairline cracks."]
    )
    assert asked @ near > asked @ far + 0.2


def test_no_texts_no_vectors() -> None:
    assert (0, 384) == EMBEDDINGS.encode([]).shape
    assert [] == EMBEDDINGS.embed_documents([])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=3))
def test_any_text_has_a_vector(texts: list[str]) -> None:
    assert np.isfinite(EMBEDDINGS.encode(texts)).all()


def test_a_missing_or_damaged_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="missing: install newsqa again"):
        OnnxEmbeddings(tmp_path).embed_query("x")
    (tmp_path / "tokenizer.json").write_bytes((PACKAGED_MODEL / "tokenizer.json").read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="damaged: install newsqa again"):
        OnnxEmbeddings(tmp_path).embed_query("x")


def test_the_model_card_names_the_hash_of_the_weights() -> None:
    card = (PACKAGED_MODEL / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert EMBEDDINGS.identity.split()[-1] in card


@pytest.mark.extra
def test_the_packaged_model_gives_the_vectors_of_sentence_transformers(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="not installed: make install-extras")
    from newsqa.models.export_embedding import packaged_weights

    reference = SentenceTransformersEmbeddings(str(packaged_weights()))
    expected = reference.encode(TEXTS)
    assert reference.dimensions == 384
    assert (_cosines(expected, EMBEDDINGS.encode(TEXTS)) > 0.97).all()
    command = [sys.executable, "-m", "newsqa.models.export_embedding", "--fp32", "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    assert (_cosines(expected, OnnxEmbeddings(tmp_path).encode(TEXTS)) > 0.999).all()


@pytest.mark.extra
def test_a_library_can_be_made_with_another_model(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="not installed: make install-extras")
    from newsqa import Article
    from newsqa.models.export_embedding import packaged_weights

    chosen = Settings(data_dir=tmp_path, embedding_model=str(packaged_weights()))
    with assemble(chosen) as assistant:
        assistant.library.add(Article(title="Ferry", text="The ferry sails at noon. Dogs are welcome."))
        assert "answered" == assistant.ask("When does the ferry sail?").status


def test_a_model_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="NEWSQA_EMBEDDING_MODEL"):
        SentenceTransformersEmbeddings(str(tmp_path / "nothing"))
