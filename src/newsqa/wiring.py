"""The composition root: makes an assistant from settings. The only place that names vendors."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy import Engine

from newsqa.answering.confidence import Calibration
from newsqa.answering.extractive import ExtractiveAnswerer
from newsqa.answering.generative import GenerativeAnswerer
from newsqa.answering.sentences import SentenceScorer
from newsqa.assistant import Assistant
from newsqa.chat import Chat, Limits
from newsqa.embedding import OnnxEmbeddings, SentenceTransformersEmbeddings
from newsqa.errors import LibraryError, ModelError, SettingsError
from newsqa.library import Library, Servers
from newsqa.library.database import open_file, open_url
from newsqa.loading import Fetcher, Loader
from newsqa.reader import Reader
from newsqa.retrieval import HybridRetriever
from newsqa.settings import DEFAULT_EMBEDDING_MODEL, ServerSettings, Settings

KEY = "NEWSQA_CHAT_KEY"
"""The variable of the chat model's key: no setting, as settings are shown and kept."""
_SECRETIVE = ("CHAT_", "CHROMA_", "DATABASE_")
_ANY_SERVER = "openai"
"""The provider that speaks with any server of OpenAI's kind."""
_PROVIDERS = ("anthropic", "ollama", "openai")
_EXAMPLES = "openai:NAME, anthropic:NAME or ollama:NAME"
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
        known = name.lower() in kind.model_fields and not name.startswith(_SECRETIVE)  # else it may hold a key
        got = f" (got {first['input']!r})" if known else ""
        raise SettingsError(f"NEWSQA_{name}: {first['msg']}{got}") from None


def assemble(settings: Settings, *, reindex: bool = False) -> Assistant:
    """The assistant that `settings` describe. Raises as `open_assistant` does."""
    database_url = settings.database_url.get_secret_value()
    if database_url and not settings.chroma_url:
        raise SettingsError("NEWSQA_DATABASE_URL needs NEWSQA_CHROMA_URL: who shares one has to share the other")
    embedding = _embedding(settings)
    chat = open_chat(settings)
    library = Library(
        settings.data_dir,
        embedding,
        embedding.identity,
        passage_words=settings.passage_words,
        max_article_chars=settings.max_article_chars,
        reindex=reindex,
        servers=Servers(database_url, settings.chroma_url),
    )
    retriever = HybridRetriever(library=library, embedding=embedding, pool=settings.pool, top_k=settings.top_k)
    scorer = SentenceScorer(Reader(threads=settings.threads), most=settings.read)
    answerer = ExtractiveAnswerer(scorer, Calibration.load(), settings.most_wrong)
    return Assistant(
        library,
        retriever,
        answerer,
        generative=GenerativeAnswerer(chat, answerer, settings.read) if chat else None,
        mark_unverified=settings.unverified == "mark",
        max_question_chars=settings.max_question_chars,
    )


@contextmanager
def open_catalogue(settings: Settings) -> Iterator[Engine]:
    """The catalogue's database, to be read whoever else has the library open.

    Raises:
        LibraryError: there is none.
    """
    file, database_url = settings.data_dir / "catalogue.sqlite3", settings.database_url.get_secret_value()
    if not database_url and not file.exists():
        raise LibraryError(f"there is no library in {settings.data_dir}: set NEWSQA_DATA_DIR to the folder of one")
    engine = open_url(database_url) if database_url else open_file(file)
    try:
        yield engine
    finally:
        engine.dispose()


def open_loader(settings: Settings) -> Loader:
    """What loads articles from files, folders, pages and feeds. Nothing is asked of the network yet.

    Raises:
        SettingsError: NEWSQA_FETCH_ALLOW names no network, address or host.
    """
    return Loader(Fetcher(allow=settings.fetch_allow))


def open_chat(settings: Settings) -> Chat | None:
    """The chat model that `settings` name; None where they name none. Nothing is asked of it.

    Raises:
        SettingsError: the file of the key can't be read.
        ModelError: the provider's package is missing, or refuses what is set.
    """
    if not (settings.chat_model or settings.chat_base_url):
        return None
    name = settings.chat_model or "default"
    if settings.chat_base_url and not name.startswith(f"{_ANY_SERVER}:"):
        name = f"{_ANY_SERVER}:{name}"
    provider = _provider(name)
    options: dict[str, Any] = {
        "temperature": None if settings.chat_temperature == "none" else settings.chat_temperature,
        "num_predict" if provider == "ollama" else "max_tokens": settings.chat_tokens,
        "timeout": settings.chat_seconds,
        "max_retries": 0,  # newsqa's own tries are the same for every provider
        "api_key": _chat_key(settings),
        "base_url": settings.chat_base_url or None,
        "stream_usage": True if provider == _ANY_SERVER else None,
    }
    try:
        from langchain.chat_models import init_chat_model

        model = init_chat_model(name, **{option: value for option, value in options.items() if value is not None})
    except ImportError as error:
        extra = provider if provider in _PROVIDERS else "openai"
        raise ModelError(f"NEWSQA_CHAT_MODEL={name} needs a package: pip install 'newsqa[{extra}]'") from error
    except Exception as error:  # noqa: BLE001  # every provider has errors of its own, and they may hold the key
        variable = _key_variable(provider) if provider in _PROVIDERS else "the provider's own variable"
        wanted = f"name the model as {_EXAMPLES}, and give the key in {variable}, {KEY} or NEWSQA_CHAT_KEY_FILE"
        raise ModelError(f"NEWSQA_CHAT_MODEL={name} can't be used ({type(error).__name__}); {wanted}") from None
    limits = Limits(settings.chat_seconds, settings.chat_price_in, settings.chat_price_out)
    return Chat(model, name, limits)


def _chat_key(settings: Settings) -> str | None:
    """The key of the file, else of NEWSQA_CHAT_KEY.

    None leaves it to the provider's package, which has a variable of its own; a server that was named by its address
    never gets that one's key.
    """
    if settings.chat_key_file:
        try:
            return settings.chat_key_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            told = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SettingsError(f"NEWSQA_CHAT_KEY_FILE: {settings.chat_key_file} can't be read: {told}") from None
    return os.environ.get(KEY) or ("none" if settings.chat_base_url else None)


def chat_key_place(settings: Settings) -> str:
    """Where the chat model's key is taken from, in words; never the key."""
    if settings.chat_key_file:
        return f"in {settings.chat_key_file}"
    own = _key_variable(_provider(settings.chat_model))
    place = next((name for name in (KEY, *(() if settings.chat_base_url else (own,))) if os.environ.get(name)), "")
    return f"in {place}" if place else "none"


def _provider(name: str) -> str:
    return name.partition(":")[0] if ":" in name else _ANY_SERVER


def _key_variable(provider: str) -> str:
    return f"{provider.upper()}_API_KEY"


def _embedding(settings: Settings) -> OnnxEmbeddings | SentenceTransformersEmbeddings:
    if settings.embedding_model == DEFAULT_EMBEDDING_MODEL:
        return OnnxEmbeddings(threads=settings.threads)
    return SentenceTransformersEmbeddings(settings.embedding_model)
