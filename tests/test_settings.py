"""Settings: from the environment, within bounds, each described."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from newsqa.errors import SettingsError
from newsqa.settings import ServerSettings, Settings
from newsqa.wiring import read_server_settings, read_settings


def test_the_environment_sets_every_field(monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[str, tuple[str, Any]] = {
        "data_dir": ("/somewhere", Path("/somewhere")),
        "database_url": ("postgresql://me:secret@host/news", SecretStr("postgresql://me:secret@host/news")),
        "chroma_url": ("http://host:8001", "http://host:8001"),
        "embedding_model": ("another", "another"),
        "threads": ("3", 3),
        "passage_words": ("90", 90),
        "pool": ("20", 20),
        "top_k": ("4", 4),
        "read": ("3", 3),
        "most_wrong": ("0.25", 0.25),
        "chat_model": ("openai:small", "openai:small"),
        "chat_base_url": ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        "chat_key_file": ("/somewhere/key", Path("/somewhere/key")),
        "chat_seconds": ("5.5", 5.5),
        "chat_tokens": ("100", 100),
        "chat_temperature": ("none", "none"),
        "chat_price_in": ("0.15", 0.15),
        "chat_price_out": ("0.6", 0.6),
        "unverified": ("mark", "mark"),
        "fetch_allow": ("10.1.0.0/16 wiki.intranet", "10.1.0.0/16 wiki.intranet"),
        "max_question_chars": ("500", 500),
        "max_article_chars": ("1000", 1000),
    }
    assert _set(written, monkeypatch) == read_settings().model_dump()


def test_the_environment_sets_every_field_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[str, tuple[str, Any]] = {
        "api_keys": ("ask:abc", "ask:abc"),
        "rate_limit": ("5/second", "5/second"),
        "max_questions": ("3", 3),
        "answer_seconds": ("2.5", 2.5),
        "max_body_bytes": ("5000", 5000),
        "max_upload_bytes": ("6000", 6000),
        "cors_origins": ("https://example.org", "https://example.org"),
        "trusted_proxies": ("10.0.0.1", "10.0.0.1"),
        "log_questions": ("true", True),
    }
    assert _set(written, monkeypatch) == read_server_settings().model_dump()


def _set(written: dict[str, tuple[str, Any]], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Sets the variables to the first values; returns the second ones by name."""
    for name, (value, _) in written.items():
        monkeypatch.setenv(f"NEWSQA_{name.upper()}", value)
    return {name: value for name, (_, value) in written.items()}


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSQA_TOP_K", "4")
    assert 6 == read_settings(top_k=6).top_k


def test_without_an_environment_the_defaults_are_within_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEWSQA_DATA_DIR")
    defaults = read_settings()
    assert "newsqa" in defaults.data_dir.parts
    assert defaults == read_settings(**defaults.model_dump())


OUT_OF_BOUNDS: list[tuple[str, Any]] = [
    ("embedding_model", ""),
    ("threads", -1),
    ("threads", 257),
    ("passage_words", 29),
    ("passage_words", 181),
    ("passage_words", "many"),
    ("pool", 0),
    ("top_k", 101),
    ("most_wrong", 1.01),
    ("most_wrong", float("nan")),
    ("max_question_chars", 0),
    ("max_article_chars", -5),
]


@pytest.mark.parametrize(("name", "value"), OUT_OF_BOUNDS)
def test_a_value_out_of_bounds_is_refused_by_the_name_of_its_variable(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=rf"^NEWSQA_{name.upper()}: .*{value!r}"):
        read_settings(**{name: value})


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("postgresql://me:secret@host:5432/news?sslmode=verify-full&sslrootcert=/etc/ca.pem", True),
        ("postgresql://me@/news?host=/run/postgresql", True),
        ("postgresql://host", False),
        ("postgresql://host/?sslmode=require", False),
        ("postgresql://host/news/more", False),
        ("postgresql://host/news?sslmode=verify-full or so", False),
        ("mysql://host/news", False),
    ],
)
def test_the_address_of_a_database_may_say_how_it_is_connected_to(url: str, good: bool) -> None:
    if good:
        assert url == read_settings(database_url=url).database_url.get_secret_value()
        return
    with pytest.raises(SettingsError, match=r"^NEWSQA_DATABASE_URL: .*postgresql://user:password@host:5432/name$"):
        read_settings(database_url=url)


def test_a_bad_variable_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSQA_TOP_K", "eight")
    with pytest.raises(SettingsError, match=r"NEWSQA_TOP_K.*integer.*'eight'"):
        read_settings()


def test_an_unknown_setting_is_refused_by_its_name() -> None:
    with pytest.raises(SettingsError, match="NEWSQA_COLOUR"):
        read_settings(colour="red")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read_settings().top_k = 5  # type: ignore[misc]


def test_every_field_is_described_in_a_sentence() -> None:
    fields = {**Settings.model_fields, **ServerSettings.model_fields}
    descriptions = {name: field.description or "" for name, field in fields.items()}
    assert {} == {name: text for name, text in descriptions.items() if not text.endswith(".")}
