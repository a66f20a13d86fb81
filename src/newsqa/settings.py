"""What can be set, from the environment: NEWSQA_DATA_DIR and friends."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_EMBEDDING_MODEL = "all-MiniLM-L6-v2"


class Settings(BaseSettings):
    """Every setting, bounded and described; the variable of `data_dir` is `NEWSQA_DATA_DIR`."""

    model_config = SettingsConfigDict(env_prefix="NEWSQA_", frozen=True, extra="forbid")

    data_dir: Path = Field(
        default_factory=lambda: user_data_path("newsqa"), description="Folder of the library; made when missing."
    )
    embedding_model: str = Field(
        DEFAULT_EMBEDDING_MODEL,
        min_length=1,
        description="The packaged model's name, or any model name or path that sentence-transformers loads.",
    )
    threads: int = Field(0, ge=0, le=256, description="Threads of the packaged model; 0: one a core, at most 8.")
    passage_words: int = Field(120, ge=30, le=180, description="Size of a passage in words; changing it re-indexes.")
    pool: int = Field(50, ge=1, le=1000, description="Candidates each of the two searches brings to the fusion.")
    top_k: int = Field(8, ge=1, le=100, description="Passages that are read for an answer.")
    most_wrong: float = Field(
        0.2, ge=0, le=1, description="Share of its answers that may be wrong; those less sure are not given."
    )
    max_question_chars: int = Field(2000, ge=1, le=100_000, description="Longest question, in characters.")
    max_article_chars: int = Field(2_000_000, ge=1, description="Longest article text, in characters.")
