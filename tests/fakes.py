"""Stand-ins written by hand: small, deterministic, and meaningful enough to rank by."""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin, urlsplit
from zlib import crc32

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from numpy.typing import NDArray

from newsqa.chat import Chat, Limits
from newsqa.domain import Turn
from newsqa.english import content_words, stem
from newsqa.errors import LoadError
from newsqa.loading.fetching import Fetched, Fetcher
from newsqa.reader import Given, Reading
from newsqa_evals.scores import Score

DIMENSIONS = 256
SCORE = Score(
    suite="ferries",
    case="noon",
    digest="d",
    article="ferry",
    tags=(),
    answerable=True,
    answered=True,
    confidence=0.9,
    right=True,
    would_be_right=True,
    exact=True,
)
"""Of a case that was answered rightly."""


class BagOfWordsEmbeddings(Embeddings):
    """Texts that share stems are near each other: a text's vector is the sum of one vector a stem."""

    identity = "bag of words"
    dimensions = DIMENSIONS

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector for each text."""
        return [_unit(_word_vectors(text).sum(axis=0)).tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """The vector of one text."""
        return self.embed_documents([text])[0]


class ScriptedReader:
    """Finds these answers wherever they stand in a passage, whatever is asked; the first ones count most."""

    def __init__(
        self, *answers: str, verdict: tuple[float, float, float] = (0.0, 0.0, 1.0), leaning: Collection[str] = ()
    ) -> None:
        """Reads by this script.

        Args:
            answers: what answers; a sentence that holds one belongs to the answer.
            verdict: on every passage: yes, no, neither.
            leaning: the questions that need the conversation before them.
        """
        self._answers, self._verdict, self._leaning = answers, verdict, leaning
        self.asked: list[tuple[str, tuple[Turn, ...]]] = []
        """The questions that passages were read for, each with its conversation."""
        self.seen: list[str] = []
        """The texts that were read."""

    def read(self, question: str, passages: Sequence[Given], conversation: Sequence[Turn] = ()) -> list[Reading]:
        """A reading for each of the passages; "no span" scores 0."""
        self.asked.append((question, tuple(conversation)))
        self.seen += [passage.text for passage in passages]
        return [self._reading(passage) for passage in passages]

    def leans(self, question: str, conversation: Sequence[Turn]) -> float:
        """1 for the questions of the script, behind any conversation."""
        return float(question in self._leaning and bool(conversation))

    def _reading(self, given: Given) -> Reading:
        spans = np.array([word.span() for word in re.finditer(r"\w+", given.text)], int).reshape(-1, 2)
        starts, ends = np.full((2, len(spans)), -5.0, np.float32)
        sentences = np.full(len(given.sentences), -5.0, np.float32)
        for worth, answer in zip(np.arange(5, 0, -0.1), self._answers, strict=False):
            for found in re.finditer(re.escape(answer), given.text):
                starts[spans[:, 0] == found.start()] = worth
                ends[spans[:, 1] == found.end()] = worth
                holding = [each.start <= found.start() < each.end for each in given.sentences]
                sentences[holding] = np.maximum(sentences[holding], worth)
        here = 3.0 if any(answer in given.text for answer in self._answers) else -3.0
        verdict = np.array(self._verdict, np.float32)
        return Reading(here, sentences, verdict, 0.0, starts, ends, spans, given.text)


def _word_vectors(text: str) -> NDArray[np.float32]:
    vectors = np.zeros((len(content_words(text)), DIMENSIONS), np.float32)
    for row, word in enumerate(content_words(text)):
        vectors[row, crc32(stem(word).encode()) % DIMENSIONS] = 1.0
    return vectors


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    return vector / length if length else np.full(DIMENSIONS, DIMENSIONS**-0.5, np.float32)


class ScriptedChatModel(BaseChatModel):
    """Writes these replies, one a call and the last one ever after: pieces of text, waits in seconds, and errors."""

    replies: list[list[Any]]
    asked: list[str]
    """What was sent, one text a call."""
    usage: tuple[int, int] | None = None
    """Tokens in and out."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError("newsqa streams")

    async def _astream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        self.asked.append("\n".join(str(message.content) for message in messages))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        for piece in reply:
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, ChatGenerationChunk):
                yield piece
            elif isinstance(piece, str):
                yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
            else:
                await asyncio.sleep(piece)
        if self.usage:
            sent, back = self.usage
            told = UsageMetadata(input_tokens=sent, output_tokens=back, total_tokens=sent + back)
            yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=told))


class HTTPFaultError(Exception):
    """As providers' packages raise them: with a status, and a message that holds the key."""

    def __init__(self, status: int, text: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(f"Error code: {status} - key sk-secret-1234 {text}")
        self.status_code = status
        self.response = SimpleNamespace(status_code=status, headers=headers or {})


def scripted(*replies: Any, name: str = "scripted:model", seconds: float = 10.0, **options: Any) -> Chat:
    """A chat model with a script; a reply is a text, or a list of pieces, waits and errors."""
    script = [reply if isinstance(reply, list) else [reply] for reply in replies]
    return Chat(ScriptedChatModel(replies=script, asked=[], **options), name, Limits(seconds, 1.0, 10.0))


class ScriptedFetcher(Fetcher):
    """Gives these pages by address, without a network; what is not there is gone, an error is raised."""

    def __init__(self, pages: dict[str, str | bytes | LoadError]) -> None:
        super().__init__()
        self.pages = pages
        self.asked: list[str] = []

    def get(self, url: str, *, etag: str = "", **_: Any) -> Fetched:
        """The page, with its hash as its ETag."""
        self.asked.append(url)
        page = self.pages.get(url)
        if page is None:
            return Fetched(url, "gone")
        if isinstance(page, LoadError):
            raise page
        content = page.encode() if isinstance(page, str) else page
        tag = f'"{crc32(content)}"'
        return Fetched(url, "unchanged", etag=tag) if etag == tag else Fetched(url, "ok", content, etag=tag)

    def check_robots(self, url: str) -> None:
        """Forbids what its robots.txt names."""
        robots = self.pages.get(urljoin(url, "/robots.txt"), "")
        if isinstance(robots, str) and f"Disallow: {urlsplit(url).path}" in robots:
            raise LoadError(f"{url}: its site forbids programs to fetch it; add its articles by hand")
