"""Times and memory of newsqa beside the tutorial pipeline, in one run: `newsqa eval speed`.

Each side runs in a process of its own, so that neither's memory or imports count for the other. Machines are noisy:
read the ratios and medians. The tutorial pipeline embeds by sentence-transformers on torch where that is installed,
as the tutorials have it; its rate and memory are those of its first 2,000 chunks, then newsqa's embedding fills it up.
With `--library` a library that is there is asked instead, and nothing else is measured.
"""

import itertools
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

from newsqa import Article, Filters, load
from newsqa.passages import split_passages, split_sentences
from newsqa_evals.cases import CORPUS, load_suites
from newsqa_evals.external import ExternalError, read_lines

if TYPE_CHECKING:
    from newsqa import Assistant

TIMED_CHUNKS = 2000
ROUNDS = 5
MOST_QUESTIONS = 150
EMBEDDED = 512
"""Passages that the embedding is timed with, alone."""
SENTENCES = 25
"""Of a made article."""
_KEPT = ("id", "title", "text", "publisher")
_FIRST_DAY = date(2022, 1, 1)
FILTERS = {
    "half": Filters(publisher="Even"),
    "a hundredth": Filters(published_from=_FIRST_DAY, published_to=_FIRST_DAY),
    "all": Filters(published_from=_FIRST_DAY),
}
"""What passes of articles that are made or given here."""


def measure(
    sizes: Sequence[int],
    files: Sequence[Path] = (),
    questions: Path | None = None,
    library: Path | None = None,
    *,
    as_json: bool = False,
) -> None:
    """Measures at each size and prints a table.

    Args:
        sizes: passages in the library, about.
        files: JSON lines with `title, text`; without any, articles are made of the shipped corpus's sentences.
        questions: JSON lines with `question`; those of the suite `factoid` when not given.
        library: folder of a library to be asked, instead of one of each size.
        as_json: print JSON instead.
    """
    asked = [row["question"] for row in read_lines(questions)][:MOST_QUESTIONS] if questions else _questions()
    if library:
        _print_one(_open_and_ask(library, asked), as_json=as_json)
        return
    commands = _commands()
    found = {size: _both(size, files, asked) for size in sizes}
    if as_json:
        print(json.dumps({"commands": commands, "passages": found}, indent=1))
        return
    console = Console(width=110, highlight=False)
    table = Table("from a cold process", "newsqa, s", box=None)
    for name, seconds in commands.items():
        table.add_row(name, f"{seconds:.2f}")
    console.print(table)
    for sides in found.values():
        _print_sides(console, sides["newsqa"], sides["tutorial"])


def _print_one(found: dict[str, float], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=1))
        return
    table = Table(f"{found.pop('passages'):,.0f} passages", "", box=None)
    for name, value in found.items():
        table.add_row(name, f"{value:,.3f}" if value < 1 else f"{value:,.1f}")
    Console(width=110, highlight=False).print(table)


def _print_sides(console: Console, ours: dict[str, float], theirs: dict[str, float]) -> None:
    title = f"\n{ours.pop('passages'):,.0f} passages, {theirs.pop('passages'):,.0f} chunks"
    table = Table("warm", "newsqa", "tutorial pipeline", "ratio", box=None, title=title, title_justify="left")
    for name, value in ours.items():
        other = theirs.get(name)
        table.add_row(name, f"{value:,.1f}", f"{other:,.1f}" if other else "", f"{value / other:.2f}" if other else "")
    console.print(table)


def _commands() -> dict[str, float]:
    """Seconds of whole commands, medians of five."""
    newsqa = str(Path(sys.executable).with_name("newsqa"))
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NEWSQA_DATA_DIR": folder}

        def run(*command: str) -> float:
            start = perf_counter()
            subprocess.run([newsqa, *command], check=True, env=environment, capture_output=True)
            return perf_counter() - start

        run("add", str(CORPUS))
        return {
            "newsqa --help": statistics.median(run("--help") for _ in range(ROUNDS)),
            "newsqa ask": statistics.median(run("ask", "Who offered to host the talks?") for _ in range(ROUNDS)),
        }


def _both(size: int, files: Sequence[Path], questions: Sequence[str]) -> dict[str, dict[str, float]]:
    articles = list(_given(size, files) if files else _made(size))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "articles.json")
        rows = [{name: getattr(article, name) for name in _KEPT} for article in articles]
        dated = [{**row, "published_at": _day(number).isoformat()} for number, row in enumerate(rows)]
        file.write_text(json.dumps({"articles": dated, "questions": questions}), encoding="utf-8")
        return {side: _child(side, file) for side in ("newsqa", "tutorial")}


def _given(size: int, files: Sequence[Path]) -> Iterator[Article]:
    """Articles of the files, then ones mixed of the paragraphs of three each, until they make enough passages."""
    rows = [row for file in files for row in read_lines(file) if row.get("text", "").strip() and row.get("title")]
    if not rows:
        raise ExternalError(f"{', '.join(map(str, files))}: no line has a title and a text")
    chance, made = random.Random(0), 0
    for number in itertools.count():
        if made >= size:
            return
        row = rows[number] if number < len(rows) else _mixed([chance.choice(rows) for _ in range(3)], chance)
        article = Article(id=f"article-{number}", title=row["title"], text=row["text"], publisher=_publisher(number))
        made += len(split_passages(article))
        yield article


def _mixed(rows: Sequence[Mapping[str, str]], chance: random.Random) -> dict[str, str]:
    """A third of the paragraphs of three articles, in another order: of real sentences, and like none of the three."""
    paragraphs = [part for row in rows for part in row["text"].split("\n") if part.strip()]
    chance.shuffle(paragraphs)
    return {"title": rows[0]["title"], "text": "\n".join(paragraphs[: max(1, len(paragraphs) // 3)])}


def _publisher(number: int) -> str:
    return "Even" if number % 2 == 0 else "Odd"


def _day(number: int) -> date:
    """Days of a hundred, so that each has a hundredth of the articles."""
    return _FIRST_DAY + timedelta(number % 100)


def _made(size: int) -> Iterator[Article]:
    """Articles of sentences drawn from the corpus, enough for so many passages."""
    sentences = [s.text for article in load(CORPUS) for s in split_sentences(article.text) if not s.heading]
    chance, made, number = random.Random(0), 0, 0
    while made < size:
        drawn = [chance.choice(sentences) for _ in range(SENTENCES)]
        paragraphs = [" ".join(drawn[start : start + 5]) for start in range(0, SENTENCES, 5)]
        text, publisher = "\n\n".join(paragraphs), _publisher(number)
        article = Article(id=f"made-{number}", title=f"Story {number}", text=text, publisher=publisher)
        made, number = made + len(split_passages(article)), number + 1
        yield article


def _questions() -> list[str]:
    return [case.question for case in load_suites(["factoid"])[0].cases]


def _child(side: str, file: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "newsqa_evals.speed", side, str(file)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def _newsqa(articles: list[Article], questions: list[str]) -> dict[str, float]:
    from newsqa import open_assistant

    with tempfile.TemporaryDirectory() as folder, open_assistant(folder) as assistant:
        assistant.ask("warm up")
        before = _resident()
        with _memory() as peak:
            start = perf_counter()
            assistant.library.add(articles)
            seconds = perf_counter() - start
        size = assistant.library.health().passages
        return {
            "passages added a second": size / seconds,
            **_embedding_alone(articles),
            **_asked(assistant, questions),
            "resident while adding, MB": peak[0],
            "resident afterwards, MB": _resident(),
            "memory a passage, bytes": 1e6 * (_resident() - before) / size,
            "disk a passage, bytes": _on_disk(Path(folder)) / size,
        }


def _open_and_ask(folder: Path, questions: list[str]) -> dict[str, float]:
    from newsqa import open_assistant

    with open_assistant(folder) as assistant:
        start = perf_counter()
        assistant.ask("warm up")
        first = perf_counter() - start
        size = assistant.library.health().passages
        figures = {"first answer, s": first, "disk a passage, bytes": _on_disk(folder) / size}
        return {**_asked(assistant, questions), **figures, "resident afterwards, MB": _resident()}


def _asked(assistant: "Assistant", questions: list[str]) -> dict[str, float]:
    """Times of retrieval and answers, and how many of the ten nearest passages the approximate search finds."""
    library, found = assistant.library, assistant.retriever.find
    filtered = [
        _asking(f"retrieval, {share} passes", questions, partial(found, filters=filters))
        for share, filters in FILTERS.items()
    ]
    recalls = []
    for question in questions:
        vector = assistant.retriever.embedding.embed_query(question)
        near, exact = (library.search_vectors(vector, 10, each) for each in (Filters(), FILTERS["all"]))
        recalls.append(len(near.keys() & exact.keys()) / max(1, len(exact)))
    return {
        "passages": library.counts()["passages"],
        **_asking("retrieval", questions, found),
        **{name: value for figures in filtered for name, value in figures.items()},
        "recall of the ten nearest": statistics.mean(recalls),
        **_asking("first event", questions, assistant.stream, _until("start")),
        **_asking("passages event", questions, assistant.stream, _until("passages")),
        **_asking("whole answer", questions, assistant.ask),
    }


def _embedding_alone(articles: list[Article]) -> dict[str, float]:
    """Passages embedded a second, by newsqa and by sentence-transformers on torch in turns; medians."""
    from newsqa.embedding import OnnxEmbeddings

    passages = (passage.text for article in articles for passage in split_passages(article))
    texts = list(itertools.islice(passages, EMBEDDED))
    ours, theirs = OnnxEmbeddings(), _own_embedding()
    rates = [[len(texts) / _seconds(each.embed_documents, texts) for each in (ours, theirs)] for _ in range(ROUNDS + 1)]
    own, other = np.median(rates[1:], axis=0)
    return {"passages embedded a second": float(own), "by sentence-transformers": float(other)}


def _seconds(call: Callable[[list[str]], object], texts: list[str]) -> float:
    start = perf_counter()
    call(texts)
    return perf_counter() - start


def _on_disk(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _tutorial(articles: list[Article], questions: list[str]) -> dict[str, float]:
    from newsqa.embedding import OnnxEmbeddings
    from newsqa_evals.tutorial import TutorialPipeline

    with tempfile.TemporaryDirectory() as folder:
        pipeline = TutorialPipeline.open(Path(folder), _own_embedding())
        chunks, seconds, rest = 0, 0.0, iter(articles)
        with _memory() as peak:
            for article in rest:
                start = perf_counter()
                chunks += pipeline.add([article])
                seconds += perf_counter() - start
                if chunks >= TIMED_CHUNKS:
                    break
        rate, resident = chunks / seconds, peak[0]
        chunks += TutorialPipeline.open(Path(folder), OnnxEmbeddings()).add(rest)
        return {
            "passages": chunks,
            "passages added a second": rate,
            **_asking("retrieval", questions, pipeline.search),
            "resident while adding, MB": resident,
        }


def _own_embedding() -> Any:
    from newsqa.embedding import OnnxEmbeddings, SentenceTransformersEmbeddings

    try:
        from newsqa.models.export_embedding import packaged_weights

        return SentenceTransformersEmbeddings(str(packaged_weights()))
    except ImportError:
        print("newsqa: torch is not installed, the tutorial pipeline embeds as newsqa does", file=sys.stderr)
        return OnnxEmbeddings()


def _asking(
    what: str,
    questions: Sequence[str],
    ask: Callable[[str], Any],
    rest: Callable[[Any], Callable[[], None]] = lambda _: lambda: None,
) -> dict[str, float]:
    """Milliseconds of a question once warm: quantiles over all questions but those of the first round.

    Args:
        what: is timed.
        questions: are asked several times over.
        ask: asks one of them.
        rest: still belongs to what is timed, and returns what does not.
    """
    times = []
    for question in list(questions) * ROUNDS:
        start = perf_counter()
        untimed = rest(ask(question))
        times.append(1000 * (perf_counter() - start))
        untimed()
    warm = np.quantile(times[len(questions) :], [0.5, 0.95, 0.99])
    return {f"{what}, {name} ms": float(value) for name, value in zip(("p50", "p95", "p99"), warm, strict=True)}


def _until(type: str) -> Callable[[Iterator[Any]], Callable[[], None]]:
    """Waits for the event of this type; what that returns takes in the others."""

    def wait(events: Iterator[Any]) -> Callable[[], None]:
        next(event for event in events if event.type == type)
        return lambda: list(events).clear()

    return wait


@contextmanager
def _memory() -> Iterator[list[float]]:
    """The greatest resident memory in MB while the block runs, sampled."""
    peak, running = [0.0], True

    def watch() -> None:
        while running:
            peak[0] = max(peak[0], _resident())
            sleep(0.05)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    yield peak
    running = False
    watcher.join()


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> None:
    """Measures one side in this process and prints it as JSON: what `measure` starts."""
    side, file = sys.argv[1:]
    values = json.loads(Path(file).read_text(encoding="utf-8"))
    articles = [
        Article(**{**row, "published_at": date.fromisoformat(row["published_at"])}) for row in values["articles"]
    ]
    print(json.dumps({"newsqa": _newsqa, "tutorial": _tutorial}[side](articles, values["questions"])))


if __name__ == "__main__":
    main()
