r"""How well the body of a web page is found, beside what the usual libraries find in the same pages.

Scored as the article extraction benchmark of Scrapinghub (now Zyte) scores it
(https://github.com/scrapinghub/article-extraction-benchmark, evaluate.py): the words (`\w+`) of the true and of the
found text become runs of four; tp, fp and fn are how many runs both have, only the found text, only the true one,
divided by their sum, so that long pages weigh no more than short ones. Precision tp / (tp + fp) is averaged over the
pages where anything was found, recall tp / (tp + fn) over those that have a text; F1 is the harmonic mean of the two
averages. A page that has none and of which none was found counts in neither, as there.

Nothing of the benchmark is shipped: whoever has its `html` folder and `ground-truth.json` names them.
"""

import gzip
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from newsqa.cli import progress
from newsqa.errors import LoadError
from newsqa.loading import pages
from newsqa.loading.given import Given
from newsqa_evals import statistics
from newsqa_evals.external import ExternalError
from newsqa_evals.report import finite
from newsqa_evals.statistics import Estimate

RUN_WORDS = 4
SUFFIXES = (".html.gz", ".html")

Counts = tuple[float, float, float]
"""Shares of runs that are right, too many and missing; they add up to 1, or are all 0."""


@dataclass(frozen=True)
class Page:
    """A page and the text that a reader would say is its article's."""

    id: str
    content: bytes
    body: str
    url: str = ""


@dataclass(frozen=True)
class Score:
    """How well one way of extraction did."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    milliseconds: float
    """A page, the median."""


def ours(page: Page) -> str:
    """What newsqa loads; empty where it refuses the page."""
    given = Given(f"{page.id}.html", page.content, url=page.url)
    try:
        return "\n\n".join(getattr(article, "text", "") for article in pages.articles(given))
    except LoadError:
        return ""


def by_trafilatura(page: Page, **settings: bool) -> str:
    """What trafilatura finds as it comes, but for these settings."""
    import trafilatura

    return trafilatura.extract(pages.decoded(page.content), **settings) or ""


def by_readability(page: Page) -> str:
    """What readability-lxml finds, as text."""
    from lxml import html
    from readability import Document

    return " ".join(html.fromstring(Document(pages.decoded(page.content)).summary()).itertext())


WAYS: Mapping[str, Callable[[Page], str]] = {
    "newsqa": ours,
    "trafilatura": by_trafilatura,
    "trafilatura, no comments": lambda page: by_trafilatura(page, include_comments=False),
    "readability-lxml": by_readability,
}


def measure(files: Sequence[Path], limit: int = 0, *, as_json: bool = False) -> None:
    """Prints precision, recall, F1 and time of each way of extraction over the same pages.

    Args:
        files: the folder of pages, `ID.html` or `ID.html.gz`, and the JSON file `{ID: {"articleBody", "url"}}`.
        limit: at most so many pages, drawn with a fixed seed; 0: all.
        as_json: print JSON.

    Raises:
        ExternalError: a file can't be read, or there are no pages.
    """
    found = read(files)
    if 0 < limit < len(found):
        found = random.Random(0).sample(found, limit)
    with progress(len(found) * len(WAYS)) as advance:
        scores = {name: _score(found, way, lambda name=name: advance(name)) for name, way in WAYS.items()}  # type: ignore[misc]
    if as_json:
        print(json.dumps(finite({name: asdict(score) for name, score in scores.items()}), indent=1))
        return
    columns = ("precision", "recall", "F1", "95% interval", "ms a page")
    table = Table("", *columns, title=f"article bodies of {len(found)} pages", box=None)
    for name, score in scores.items():
        shares = [f"{each.value:.3f}" for each in (score.precision, score.recall, score.f1)]
        table.add_row(name, *shares, score.f1.bounds(3), f"{score.milliseconds:.0f}")
    Console(width=120, highlight=False).print(table)


def read(files: Sequence[Path]) -> list[Page]:
    """The pages of a folder that the JSON file has the body of. Raises as `measure` does."""
    folders = [file for file in files if file.is_dir()]
    truth = {id: row for file in files if file not in folders for id, row in _truth(file).items()}
    at = {_id(path): path for folder in folders for path in sorted(folder.iterdir()) if path.name.endswith(SUFFIXES)}
    found = [
        Page(id, _content(at[id]), row.get("articleBody", ""), row.get("url", ""))
        for id, row in sorted(truth.items())
        if id in at
    ]
    if not found:
        raise ExternalError("html needs pages and what they say: give the folder of pages and ground-truth.json")
    return found


def counts(true: str, found: str) -> Counts:
    """The shares of runs of words that are right, too many and missing."""
    right, said = _runs(true), _runs(found)
    parts = ((right & said).total(), (said - right).total(), (right - said).total())
    total = sum(parts) or 1
    return parts[0] / total, parts[1] / total, parts[2] / total


def f1_of(scored: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean precision, mean recall and their harmonic mean; rows are `counts` of a page. NaN where there is none."""
    tp, fp, fn = scored.T
    precision, recall = _mean(tp, tp + fp), _mean(tp, tp + fn)
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _mean(part: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    held = whole > 0
    return float(np.mean(part[held] / whole[held])) if held.any() else float("nan")


def _score(found: Sequence[Page], way: Callable[[Page], str], advance: Callable[[], Any]) -> Score:
    scored, times = [], []
    way(found[0])  # libraries load on first use
    for page in found:
        start = time.perf_counter()
        text = way(page)
        times.append(time.perf_counter() - start)
        scored.append(counts(page.body, text))
        advance()
    precision, recall, f1 = estimates(scored)
    return Score(precision, recall, f1, milliseconds=1000 * median(times))


def estimates(scored: Sequence[Counts]) -> list[Estimate]:
    """Precision, recall and F1 with their intervals, by resampling the pages."""
    rows = np.asarray(scored, float)
    values, chance = f1_of(rows), np.random.default_rng(statistics.SEED)
    drawn = [f1_of(rows[chance.integers(len(rows), size=len(rows))]) for _ in range(statistics.RESAMPLES)]
    tails = [(1 - statistics.LEVEL) / 2, (1 + statistics.LEVEL) / 2]
    low, high = np.nanquantile(drawn, tails, axis=0) if len(rows) > 1 else np.full((2, 3), np.nan)
    return [Estimate(values[at], float(low[at]), float(high[at]), len(rows)) for at in range(3)]


def _runs(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    runs = (tuple(words[at : at + RUN_WORDS]) for at in range(max(1, len(words) - RUN_WORDS + 1)))
    return Counter(run for run in runs if run)


def _id(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".html")


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError) as error:
        raise ExternalError(f"{path}: {error}; a page is needed, gzipped or not") from error


def _truth(file: Path) -> dict[str, dict[str, str]]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        return {id: dict(row) for id, row in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ExternalError(f"{file}: {error}; ground-truth.json is needed, the bodies by id") from error
