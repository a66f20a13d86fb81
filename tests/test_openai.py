"""OpenAI's own client, unchanged: plain and streamed, with the citations that ride along."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.serving import ON_LOOPBACK, Server

pytestmark = ON_LOOPBACK
TERRITORY = "How much of Ukraine's territory does Russia control?"
BRIDGE = "What will cars pay on the Hollin Bridge?"


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    """OpenAI's client of the shared server."""
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none needed", max_retries=0) as opened:
        yield opened


def _asking(*texts: str) -> list[Any]:
    """Messages of a user and, between them, of an assistant."""
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]


def test_the_answer_has_annotations_and_citations(client: openai.OpenAI, server: Server) -> None:
    completion = client.chat.completions.create(model="newsqa", messages=_asking(TERRITORY))
    message = completion.choices[0].message
    assert (
        message.content == "18%. Russia controls 18% of Ukrainian territory, including Crimea and parts of Donbas. [1]"
    )
    (annotation,), (citation,) = message.annotations, message.citations  # type: ignore[attr-defined, misc]
    cited = annotation.url_citation
    assert "18%. Russia controls 18%" == message.content[cited.start_index : cited.end_index][:24]
    assert f"{server.url}/v1/articles/istanbul-talks-2025-05" == cited.url
    with server.client() as plain:
        text = plain.get(cited.url).json()["text"]
    assert citation["quote"] == text[citation["source_span"]["start"] : citation["source_span"]["end"]]
    assert ("answered", "18%", "stop") == (message.status, message.short, completion.choices[0].finish_reason)  # type: ignore[attr-defined]


def test_the_stream_says_the_same(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="newsqa", messages=_asking(TERRITORY)).choices[0].message
    stream = client.chat.completions.create(
        model="newsqa", messages=_asking(TERRITORY), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert whole.content == "".join(delta.content or "" for delta in deltas)
    assert whole.citations == [each for delta in deltas for each in getattr(delta, "citations", [])]  # type: ignore[attr-defined]
    assert ("assistant", "stop") == (deltas[0].role, chunks[-2].choices[0].finish_reason)
    assert 0 == chunks[-1].usage.total_tokens  # type: ignore[union-attr]
    assert 1 == len({chunk.id for chunk in chunks})


def test_the_raw_stream_ends_with_done(server: Server) -> None:
    body = {"model": "newsqa", "messages": _asking(TERRITORY), "stream": True}
    with server.client() as plain:
        lines = plain.post("/v1/chat/completions", json=body).text.strip().splitlines()
    assert "data: [DONE]" == lines[-1]


def test_earlier_messages_are_the_history(client: openai.OpenAI) -> None:
    said = []
    for before in ([{"role": "system", "content": "Be brief."}, *_asking(BRIDGE, "Three crowns.")], []):
        asked = client.chat.completions.create(model="newsqa", messages=[*before, *_asking("And lorries?")])
        said.append(asked.choices[0].message.content or "")
    assert said[0].startswith("€7.10.")
    assert said[0] != said[1]


def test_parts_of_text_filters_and_sampling_parameters_are_taken(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(
        model="newsqa",
        messages=[{"role": "user", "content": [{"type": "text", "text": TERRITORY}]}],
        temperature=0.3,
        max_tokens=100,
        seed=1,
        user="reader",
        extra_body={"filters": {"article_ids": ["hollin-bridge-delay"]}, "top_k": 2},
    )
    assert "abstained" == completion.choices[0].message.status  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "parameters",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"n": 2},
        {"stop": ["x"]},
        {"response_format": {"type": "json_object"}},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"messages": [{"role": "assistant", "content": "Hello"}]},
        {"messages": []},
        {"top_p": 1, "extra_body": {"top_k": 0}},
        {"messages": [{"role": "user", "content": "x" * 3000}]},
    ],
    ids=["tools", "n", "stop", "response_format", "image", "no question", "no messages", "top_k", "long"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_honoured_is_a_clear_error(client: openai.OpenAI, parameters: Any, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            **{"model": "newsqa", "messages": _asking("When?"), "stream": stream, **parameters}
        )
    assert caught.value.code
    assert len(caught.value.message) > 20


def test_half_a_character_in_a_part_stops_nothing(server: Server) -> None:
    part = [{"type": "text", "text": "half \ud800"}]
    messages = [{"role": "user", "content": part}, {"role": "user", "content": part}]
    content = json.dumps({"model": "newsqa", "messages": messages})
    with server.client() as plain:
        reply = plain.post("/v1/chat/completions", content=content, headers={"Content-Type": "application/json"})
    assert 200 == reply.status_code
    assert reply.json()["choices"][0]["message"]["status"] in {"answered", "abstained"}


def test_models_are_listed_and_an_unknown_one_is_not_found(client: openai.OpenAI) -> None:
    assert ["newsqa"] == [model.id for model in client.models.list()]
    assert "newsqa" == client.models.retrieve("newsqa").id
    for ask in (
        lambda: client.models.retrieve("gpt-9"),
        lambda: client.chat.completions.create(model="gpt-9", messages=_asking("When?")),
    ):
        with pytest.raises(openai.NotFoundError, match="it is called newsqa"):
            ask()
