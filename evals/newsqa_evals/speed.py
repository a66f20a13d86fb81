"""Times and memory of newsqa beside the tutorial pipeline, in one run.

    python -m newsqa_evals.speed DATA [--passages 5000]

DATA holds `dev/realtimeqa-2022-articles.jsonl.gz`. Machines are noisy: read the ratios and medians.
"""

import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from rich.console import Console
from rich.table import Table

CORPUS = Path(__file__).parents[2] / "corpus"
QUESTIONS = (
    "Who won the men's singles at the Australian Open?",
    "How many people were killed in the earthquake?",
    "Why did the prime minister resign?",
    "When will the new telescope send its first pictures?",
    "What did the central bank say about interest rates?",
    "Where was the ship found?",
    "Which company is buying Twitter and for how much?",
    "How did the athlete break the record?",
)


def main() -> None:
    """Measures in child processes, so that neither side's memory or imports count for the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--passages", type=int, default=5000)
    parser.add_argument("--part", choices=["newsqa", "tutorial"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        measure = {"newsqa": _newsqa, "tutorial": _tutorial}[arguments.part]
        print(json.dumps(measure(arguments.data, arguments.passages)))
        return
    ours, theirs = (_child(part, arguments) for part in ("newsqa", "tutorial"))
    table = Table("", "newsqa", "tutorial pipeline", "ratio", title=f"{ours['passages']:.0f} passages")
    for name, value in (_commands() | ours).items():
        other = theirs.get(name)
        ratio = f"{value / other:.2f}" if other else ""
        table.add_row(name, f"{value:.2f}", f"{other:.2f}" if other else "", ratio)
    Console(width=120).print(table)


def _child(part: str, arguments: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, "-m", "newsqa_evals.speed", str(arguments.data), "--part", part]
    output = subprocess.run(
        [*command, "--passages", str(arguments.passages)], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def _commands() -> dict[str, float]:
    """Seconds of whole commands, from cold processes, medians of five."""
    newsqa = str(Path(sys.executable).with_name("newsqa"))
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NEWSQA_DATA_DIR": folder}

        def run(*command: str) -> float:
            start = perf_counter()
            subprocess.run([newsqa, *command], check=True, env=environment, capture_output=True)
            return perf_counter() - start

        run("add", str(CORPUS))
        return {
            "newsqa --help, s": statistics.median(run("--help") for _ in range(5)),
            "newsqa ask, cold, s": statistics.median(run("ask", "Who offered to host the talks?") for _ in range(5)),
        }


def _newsqa(data: Path, passages: int) -> dict[str, float]:
    from newsqa import open_assistant

    with tempfile.TemporaryDirectory() as folder, open_assistant(folder) as assistant:
        articles = list(_articles(data, passages))
        assistant.ask("warm up")
        with _memory() as peak:
            start = perf_counter()
            assistant.library.add(articles)
            seconds = perf_counter() - start
        size = assistant.library.health().passages
        return {
            "passages": size,
            **_adding(size, seconds, articles),
            **_asking("whole answer", assistant.ask),
            **_asking("retrieval", assistant.retriever.find),
            "memory while adding, MB": peak[0],
            "memory, MB": _resident(),
        }


def _tutorial(data: Path, passages: int) -> dict[str, float]:
    from newsqa_evals.tutorial import TutorialPipeline

    with tempfile.TemporaryDirectory() as folder:
        pipeline = TutorialPipeline.open(Path(folder))
        articles = list(_articles(data, passages))
        with _memory() as peak:
            start = perf_counter()
            size = pipeline.add(articles)
            seconds = perf_counter() - start
        return {
            "passages": size,
            **_adding(size, seconds, articles),
            **_asking("retrieval", pipeline.search),
            "memory while adding, MB": peak[0],
            "memory, MB": _resident(),
        }


def _adding(passages: int, seconds: float, articles: list[Any]) -> dict[str, float]:
    words = sum(len(article.text.split()) for article in articles)
    return {"passages added a second": passages / seconds, "words added a second": words / seconds}


def _asking(what: str, ask: Callable[[str], object]) -> dict[str, float]:
    times = []
    for question in QUESTIONS * 5:
        start = perf_counter()
        ask(question)
        times.append(1000 * (perf_counter() - start))
    warm = sorted(times[len(QUESTIONS) :])
    return {f"{what}, p50 ms": statistics.median(warm), f"{what}, p95 ms": warm[int(0.95 * len(warm))]}


def _articles(data: Path, passages: int) -> Iterator[Any]:
    """Articles enough to make about `passages` passages."""
    from newsqa import Article
    from newsqa.passages import split_passages

    made = 0
    with gzip.open(data / "dev" / "realtimeqa-2022-articles.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if made >= passages:
                return
            if row["text"].strip() and row["title"].strip():
                article = Article(id=row["id"][:200], title=row["title"], text=row["text"])
                made += len(split_passages(article))
                yield article


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


if __name__ == "__main__":
    main()
