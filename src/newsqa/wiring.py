"""The composition root: makes an assistant from settings. The only place that names vendors."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from newsqa.answering.confidence import Calibration
from newsqa.answering.extractive import ExtractiveAnswerer
from newsqa.answering.sentences import SentenceScorer
from newsqa.assistant import Assistant
from newsqa.embedding import OnnxEmbeddings, SentenceTransformersEmbeddings
from newsqa.errors import SettingsError
from newsqa.library import Library
from newsqa.reader import Reader
from newsqa.retrieval import HybridRetriever
from newsqa.settings import DEFAULT_EMBEDDING_MODEL, ServerSettings, Settings

SomeSettings = TypeVar("SomeSettings", Settings, ServerSettings)


def open_assistant(data_dir: str | Path | None = None, *, reindex: bool = False, **settings: Any) -> Assistant:
    """An assistant over the library in `data_dir`, which is made when missing.

    Args:
        data_dir: folder of the library; `NEWSQA_DATA_DIR`, else the platform's data folder, when not given.
        reindex: cut and embed every article anew, for when a setting of the index has changed.
        settings: any other field of `newsqa.settings.Settings`, over the environment's.

    Raises:
        SettingsError: a setting is out of bounds.
        LibraryError: the library can't be opened; its kinds say why.
        ModelError: the embedding model can't be loaded.
    """
    if data_dir is not None:
        settings["data_dir"] = Path(data_dir)
    return assemble(read_settings(**settings), reindex=reindex)


def read_settings(**given: Any) -> Settings:
    """The settings of the environment, with those given over them.

    Raises:
        SettingsError: one of them is unknown or out of bounds.
    """
    return _read(Settings, given)


def read_server_settings(**given: Any) -> ServerSettings:
    """The server's settings, likewise. Raises as `read_settings` does."""
    return _read(ServerSettings, given)


def _read(kind: type[SomeSettings], given: dict[str, Any]) -> SomeSettings:
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"NEWSQA_{name}: {first['msg']} (got {first['input']!r})") from error


def assemble(settings: Settings, *, reindex: bool = False) -> Assistant:
    """The assistant that `settings` describe. Raises as `open_assistant` does."""
    embedding = _embedding(settings)
    library = Library(
        settings.data_dir,
        embedding,
        embedding.identity,
        passage_words=settings.passage_words,
        max_article_chars=settings.max_article_chars,
        reindex=reindex,
    )
    retriever = HybridRetriever(library=library, embedding=embedding, pool=settings.pool, top_k=settings.top_k)
    scorer = SentenceScorer(Reader(threads=settings.threads), most=settings.read)
    answerer = ExtractiveAnswerer(scorer, Calibration.load(), settings.most_wrong)
    return Assistant(library, retriever, answerer, max_question_chars=settings.max_question_chars)


def _embedding(settings: Settings) -> OnnxEmbeddings | SentenceTransformersEmbeddings:
    if settings.embedding_model == DEFAULT_EMBEDDING_MODEL:
        return OnnxEmbeddings(threads=settings.threads)
    return SentenceTransformersEmbeddings(settings.embedding_model)
