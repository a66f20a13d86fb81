"""Load on a real server over loopback: so many clients ask at once, and the citations of every answer are checked.

python -m tests.load.load --clients 20 --seconds 30 [--adding] [--data DIR | --passages 1000] [--think 0] [--burst]

With --adding three more clients add, replace and remove articles. Every fifth question asks for a figure that only one
of these says, another in each version; so does its client after each change. What was acknowledged has to show from
then on, and what is gone may not be cited. A question waits in line with all others: what is wrong for a moment only
shows to few clients, such as 4.

The server's memory rises until 1,000 answers are remembered: its quarters compare in runs of 4,000 answers or more.
"""

import asyncio
import json
import math
import random
import resource
import shutil
import tempfile
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from newsqa import open_assistant
from newsqa_evals.external import read_lines
from newsqa_evals.speed import _given, _made, _questions
from tests.serving import Server, serving

SETTINGS = {"NEWSQA_RATE_LIMIT": "100000/minute"}
BURSTS = 5
CHANGING = 3
"""Clients that change articles."""
EVERY = 5
"""One question in so many asks for what a changing article says."""
WARM_UP = 20
"""Questions that are asked one after another before anything is measured."""
CHANGES = 3
"""Articles after which at least one answer has to have cited one of them."""
SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "zo")
Values = dict[str, Any]


@dataclass(frozen=True)
class Museum:
    """What only an article that changes says: a made-up museum, and its visitors by the article's two versions."""

    article_id: str
    name: str
    visitors: tuple[int, int]

    @classmethod
    def invented(cls, article_id: str) -> "Museum":
        """The museum of this article, always the same one."""
        chance = random.Random(article_id)
        name = "".join(chance.choices(SYLLABLES, k=4)).title()
        return cls(article_id, name, (chance.randrange(1_000, 5_000), chance.randrange(5_000, 9_000)))

    @property
    def question(self) -> str:
        """Both versions answer it, each with its figure."""
        return f"How many visitors did the museum of {self.name} have last year?"

    def sentence(self, version: int) -> str:
        """What this version says, 0 or 1."""
        return f"The museum of {self.name} had {self.visitors[version]:,} visitors last year."


class Load:
    """What the clients do, and what they find; times are in seconds."""

    def __init__(self, client: httpx.AsyncClient, questions: list[str]) -> None:
        """Nothing is asked yet."""
        self._client, self._questions, self._chance = client, questions, random.Random(0)
        self._gone: dict[tuple[str, str], float] = {}
        """When it was acknowledged that this revision of an article is replaced or removed; an id never comes again."""
        self._articles, self._museums = _made(1_000_000), deque[Museum](maxlen=2 * CHANGING)
        self._texts: dict[tuple[str, str], str] = {}
        self.whole: list[float] = []
        self.first: list[float] = []
        self.errors: Counter[str] = Counter()
        self.asked = self.citations = self.citations_of_changing = self.additions = 0

    async def ask(self, number: int, asked: str = "") -> None:
        """Asks this or the next question, as a stream where `number` is odd, and checks the answer's citations."""
        question, start = {"question": asked or self._question()}, perf_counter()
        try:
            answer = await (self._streamed(question, start) if number % 2 else self._plain(question))
            self.whole.append(perf_counter() - start)
            for citation in answer["citations"]:
                self._note_stale(citation["article_id"], citation["revision"], start)
                await self._check(citation)
        except (httpx.HTTPError, ValueError) as error:
            self.errors[_name(error)] += 1

    def _question(self) -> str:
        """What is asked next: of a museum whose article is there, or was a moment ago, or any question."""
        self.asked += 1
        if self._museums and self.asked % EVERY == 0:
            return self._chance.choice(self._museums).question
        return self._chance.choice(self._questions)

    async def change(self) -> None:
        """Adds an article, replaces it, and removes it."""
        made = next(self._articles)
        museum = Museum.invented(f"changing-{made.id}")
        self._museums.append(museum)
        id, path = museum.article_id, f"/v1/articles/{museum.article_id}"
        texts = f"{museum.sentence(0)}\n\n{made.text}", f"{made.text}\n\n{museum.sentence(1)}"
        try:
            await self._send("POST", "/v1/articles", {"id": id, "title": made.title, "text": texts[0]})
            self.additions += 1
            first = await self._look(museum, 0)
            await self._send("PUT", path, {"title": made.title, "text": texts[1]})
            self._gone[id, first] = perf_counter()
            second = await self._look(museum, 1)
            await self._send("DELETE", path)
            self._gone[id, second] = perf_counter()
            found = await self._found(museum)
            self.errors["found after it was removed"] += any(each["article_id"] == id for each in found)
        except httpx.HTTPError as error:
            self.errors[_name(error)] += 1

    async def _look(self, museum: Museum, version: int) -> str:
        """Reads the article and searches for what this version says: no other one may show. Returns its revision."""
        response = await self._client.get(f"/v1/articles/{museum.article_id}")
        article = response.raise_for_status().json()
        found = await self._found(museum, article_ids=[museum.article_id])
        told = [each["text"] for each in found if museum.name in each["text"]]
        as_it_is = bool(told) and all(museum.sentence(version) in text for text in (article["text"], *told))
        self.errors["not found as it was added or replaced"] += not as_it_is
        return str(article["revision"])

    async def _found(self, museum: Museum, **filters: list[str]) -> list[Values]:
        """The passages that a search for its question finds, which is asked as well."""
        body = {"query": museum.question, "top_k": 100, "filters": filters}
        response, _ = await asyncio.gather(
            self._client.post("/v1/search", json=body), self.ask(self.additions, museum.question)
        )
        return [each["passage"] for each in response.raise_for_status().json()["passages"]]

    def _note_stale(self, id: str, revision: str, asked_at: float) -> None:
        self.citations_of_changing += id.startswith("changing-")
        gone = self._gone.get((id, revision), math.inf)
        self.errors["citation of what was replaced or removed before it was asked"] += asked_at > gone

    async def _plain(self, question: Values) -> Values:
        response = (await self._client.post("/v1/ask", json=question)).raise_for_status()
        answer: Values = response.json()
        return answer

    async def _streamed(self, question: Values, start: float) -> Values:
        """The answer, which is the last event's; the time of the first event is noted."""
        async with self._client.stream("POST", "/v1/ask/stream", json=question) as response:
            events = _events(response.raise_for_status())
            all_events = [await anext(events)]
            self.first.append(perf_counter() - start)
            all_events += [event async for event in events]
        if all_events[-1]["type"] != "done":
            raise ValueError(all_events[-1].get("problem"))
        answer: Values = all_events[-1]["answer"]
        return answer

    async def _check(self, citation: Values) -> None:
        """Looks the quote up in its article. An article that was removed meanwhile is no error."""
        key, span = (citation["article_id"], citation["revision"]), citation["source_span"]
        if key not in self._texts:
            response = await self._client.get(f"/v1/articles/{quote(key[0], safe='')}", params={"revision": key[1]})
            if response.status_code == 404:
                return
            self._texts[key] = response.raise_for_status().json()["text"]
        self.citations += 1
        self.errors["citation that is not exact"] += self._texts[key][span["start"] : span["end"]] != citation["quote"]

    async def _send(self, method: str, path: str, body: Values | None = None) -> None:
        """Sends a change, and waits until it is done."""
        headers = {"If-Match": "*", "Prefer": "wait=60"}
        response = (await self._client.request(method, path, json=body, headers=headers)).raise_for_status()
        while response.status_code == 202 or response.request.url.path.startswith("/v1/jobs"):
            if response.json()["state"] not in ("queued", "running"):
                return
            await asyncio.sleep(0.5)
            response = (await self._client.get(response.headers.get("Location", response.url))).raise_for_status()


def _name(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"{error.response.status_code} to {error.request.method}"
    return f"{type(error).__name__}: {error}"[:200]


async def _events(response: httpx.Response) -> AsyncIterator[Values]:
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def _closed_loops(load: Load, clients: int, seconds: float, think: float, *, adding: bool) -> None:
    """Every client asks again as soon as it has thought about its answer; others change articles meanwhile."""
    end = perf_counter() + seconds

    async def asks(number: int) -> None:
        while perf_counter() < end:
            await load.ask(number)
            await asyncio.sleep(think)

    async def adds() -> None:
        while perf_counter() < end:
            await load.change()

    changing = [adds() for _ in range(CHANGING if adding else 0)]
    await asyncio.gather(*changing, *map(asks, range(clients)))
    never = load.additions >= CHANGES and not load.citations_of_changing
    load.errors["changing articles were never cited, so the check saw nothing"] += never


async def _bursts(load: Load, clients: int) -> None:
    """All clients ask once at the same moment, and again when all have their answers."""
    for _ in range(BURSTS):
        await asyncio.gather(*map(load.ask, range(clients)))


async def _measure(
    server: Server, questions: list[str], clients: int, seconds: float, think: float, *, adding: bool, burst: bool
) -> Values:
    pool = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=server.url, limits=pool, timeout=90, trust_env=False) as client:
        warm = Load(client, questions)
        for number in range(WARM_UP):
            await warm.ask(number)
        load, before, start = Load(client, questions), _resident(server), perf_counter()
        memory: list[float] = []
        watching = asyncio.create_task(_watch(server, memory))
        if burst:
            await _bursts(load, clients)
        else:
            await _closed_loops(load, clients, seconds, think, adding=adding)
        watching.cancel()
        second, last = (float(np.median(part)) for part in np.array_split(memory or [before], 4)[1::2])
        return _figures(load, perf_counter() - start) | {
            "resident before, MB": before,
            "resident in the second quarter, MB": second,
            "resident in the last quarter, MB": last,
        }


async def _watch(server: Server, memory: list[float]) -> None:
    while True:
        memory.append(_resident(server))
        await asyncio.sleep(1)


def _figures(load: Load, seconds: float) -> Values:
    figures: Values = {
        "answers": len(load.whole),
        "errors": {name: count for name, count in load.errors.items() if count},
        "answers a second": len(load.whole) / seconds,
    }
    for name, times in (("whole answer", load.whole), ("first event", load.first)):
        for quantile, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)):
            figures[f"{name}, {quantile} ms"] = 1000 * float(np.quantile(times, share)) if times else None
    return figures | {
        "citations that are exact": load.citations,
        "citations of changing articles": load.citations_of_changing,
        "articles added, replaced and removed": load.additions,
    }


def _resident(server: Server) -> float:
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


@contextmanager
def _library(data: Path | None, passages: int, files: list[Path]) -> Iterator[Path]:
    """A library's folder that may be changed: a copy of `data`, or made of so many passages."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "library")
        if data:
            shutil.copytree(data, folder)
        else:
            with open_assistant(folder) as assistant:
                assistant.library.add(_given(passages, files) if files else _made(passages))
        yield folder


def main(  # noqa: PLR0917  # its arguments are options
    clients: Annotated[int, typer.Option(min=1, help="So many ask at once.")] = 20,
    seconds: Annotated[float, typer.Option(min=1, help="How long they do.")] = 30,
    data: Annotated[Path | None, typer.Option(help="A library; it is copied first.")] = None,
    passages: Annotated[int, typer.Option(min=100, help="Without one: passages of the library that is made.")] = 1000,
    articles: Annotated[list[Path] | None, typer.Option(help="JSON lines that it is made of; else the corpus.")] = None,
    questions: Annotated[Path | None, typer.Option(help="JSON lines with question; else those of a suite.")] = None,
    think: Annotated[float, typer.Option(min=0, help="Seconds a client waits after an answer.")] = 0,
    adding: Annotated[bool, typer.Option("--adding", help="Three more clients add and remove articles.")] = False,
    burst: Annotated[bool, typer.Option("--burst", help="They all ask at one moment instead, five times.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Puts load on a server and prints what came of it."""
    asked = [row["question"] for row in read_lines(questions)] if questions else _questions()
    with _library(data, passages, articles or []) as folder, serving(folder, SETTINGS) as server:
        figures = asyncio.run(_measure(server, asked, clients, seconds, think, adding=adding, burst=burst))
    if as_json:
        print(json.dumps(figures, indent=1))
        return
    table = Table(f"{clients} clients", "", box=None)
    for name, value in figures.items():
        table.add_row(name, f"{value:,.1f}" if isinstance(value, float) else str(value))
    Console(width=100, highlight=False).print(table)


if __name__ == "__main__":
    typer.run(main)
