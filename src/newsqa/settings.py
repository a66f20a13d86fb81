"""What can be set, from the environment: NEWSQA_DATA_DIR and friends."""

import re
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_RATE = r"^[1-9]\d{0,6} ?/ ?(second|minute|hour|day)$"
_DATABASE = re.compile(r"(?:postgresql://[^\s/]+/[^\s/?]+(?:\?\S*)?)?")
DEFAULT_EMBEDDING_MODEL = "all-MiniLM-L6-v2"


def _database(url: SecretStr) -> SecretStr:
    if not _DATABASE.fullmatch(url.get_secret_value()):
        raise ValueError("should be as postgresql://user:password@host:5432/name")
    return url


class Settings(BaseSettings):
    """What shapes the library and its answers; the variable of `data_dir` is `NEWSQA_DATA_DIR`."""

    model_config = SettingsConfigDict(env_prefix="NEWSQA_", frozen=True, extra="forbid")

    data_dir: Path = Field(
        default_factory=lambda: user_data_path("newsqa"), description="Folder of the library; made when missing."
    )
    database_url: Annotated[SecretStr, AfterValidator(_database)] = Field(
        SecretStr(""),
        description="PostgreSQL database in the place of the folder, which several processes share: "
        "postgresql://user:password@host/name. It needs a chroma_url.",
    )
    chroma_url: str = Field(
        "",
        pattern=r"^(https?://[^\s@/?#]+/?)?$",
        description="Address of a Chroma server, as `chroma run` starts it, in the place of Chroma in the folder.",
    )
    embedding_model: str = Field(
        DEFAULT_EMBEDDING_MODEL,
        min_length=1,
        description="The packaged model's name, or any model name or path that sentence-transformers loads.",
    )
    threads: int = Field(0, ge=0, le=256, description="Threads of the packaged model; 0: one a core, at most 8.")
    passage_words: int = Field(120, ge=30, le=180, description="Size of a passage in words; changing it re-indexes.")
    pool: int = Field(50, ge=1, le=1000, description="Candidates each of the two searches brings to the fusion.")
    top_k: int = Field(8, ge=1, le=100, description="Passages that are found for an answer.")
    read: int = Field(4, ge=1, le=100, description="Passages that are read at the most, the best of those found.")
    most_wrong: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Share of its answers that may be wrong where half of the questions have none; those less sure are "
        "not given.",
    )
    chat_model: str = Field(
        "",
        pattern=r"^(\S+)?$",
        description="Chat model that answers, as LangChain names it: openai:NAME, anthropic:NAME, ollama:NAME.",
    )
    chat_base_url: str = Field(
        "",
        pattern=r"^(https?://[^\s@/?#]+(/[^\s?#]*)?)?$",
        description="Address of a server that speaks as OpenAI's does, such as http://127.0.0.1:8080/v1.",
    )
    chat_key_file: Path | None = Field(
        None,
        description="File with the key; else it is in NEWSQA_CHAT_KEY, else in the provider's own variable, such as "
        "OPENAI_API_KEY, which no server gets that is named by its address.",
    )
    chat_seconds: float = Field(30, gt=0, le=3600, description="Longest time for the chat model to write an answer.")
    chat_tokens: int = Field(500, ge=16, le=100_000, description="Most tokens the chat model may write.")
    chat_temperature: Annotated[float, Field(ge=0, le=2)] | Literal["none"] = Field(
        0, description="Chance in what the chat model writes; `none` for models that refuse the setting."
    )
    chat_price_in: float = Field(0, ge=0, description="Dollars for a million tokens sent, for the cost of an answer.")
    chat_price_out: float = Field(0, ge=0, description="Dollars for a million tokens that come back, likewise.")
    unverified: Literal["withdraw", "mark"] = Field(
        "withdraw", description="What becomes of a chat model's statement that no passage bears out."
    )
    fetch_allow: str = Field(
        "",
        description="Networks, addresses and hosts that pages are fetched from although they are not of the public "
        "internet, separated by spaces: 10.1.0.0/16 wiki.intranet:8080.",
    )
    max_question_chars: int = Field(2000, ge=1, le=100_000, description="Longest question, in characters.")
    max_article_chars: int = Field(2_000_000, ge=1, description="Longest article text, in characters.")


class ServerSettings(BaseSettings):
    """What shapes the server over them: who may ask, how much and how long. No answer depends on it."""

    model_config = SettingsConfigDict(env_prefix="NEWSQA_", frozen=True, extra="forbid")

    api_keys: str = Field(
        "", description="What `newsqa keys new` prints, separated by spaces; without any only this machine may ask."
    )
    rate_limit: str = Field(
        "600/minute",
        pattern=_RATE,
        description="Requests of one key, and of one address, in a second, minute, hour or day.",
    )
    max_questions: int = Field(
        64, ge=1, le=10_000, description="Questions answered and waiting at one time; more are told to come back."
    )
    answer_seconds: float = Field(60, gt=0, le=3600, description="Longest time for one answer over HTTP.")
    max_body_bytes: int = Field(1_000_000, ge=1000, description="Largest request over HTTP that adds no articles.")
    max_upload_bytes: int = Field(20_000_000, ge=1000, description="Largest request that adds articles.")
    cors_origins: str = Field(
        "", description="Web pages of other origins that may call the API, as https://example.org, separated by spaces."
    )
    trusted_proxies: str = Field(
        "", description="Addresses of proxies whose X-Forwarded-For and -Proto are believed, separated by commas."
    )
    log_questions: bool = Field(default=False, description="Write questions into the server's log.")
