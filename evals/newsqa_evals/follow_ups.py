"""Whether a follow-up, once understood, finds what a person's own stand-alone wording of it finds (CANARD).

CANARD (Elgohary et al. 2019) has no articles, so each conversation's answers stand for one, in short passages. Of
every follow-up it is asked how often the passage that the person's wording finds first comes first, or among the
first five: with the follow-up as it is, with the last question before it, with the turns that newsqa's reader says it
needs, and, where there is a chat model, as that rewrites it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from newsqa import Article, Assistant, Turn
from newsqa.cli import progress
from newsqa.dialogue import understood
from newsqa.reader import Reader
from newsqa.wiring import read_settings
from newsqa_evals import statistics
from newsqa_evals.external import ExternalError, read_lines
from newsqa_evals.runner import indexed
from newsqa_evals.statistics import Estimate

PASSAGE_WORDS = 30
DEPTH = 5
Way = Callable[[str, Sequence[Turn]], str]
"""Makes what is searched for of a follow-up and the turns before it."""


def measure(files: Sequence[Path], limit: int = 0, *, as_json: bool = False) -> None:
    """Prints the shares for each way.

    Args:
        files: JSON lines with `History, Question, Rewrite, QuAC_dialog_id`; the history is title, section, then
            questions and answers in turn.
        limit: at most so many follow-ups, evenly drawn; 0: all.
        as_json: print JSON.

    Raises:
        ExternalError: a file can't be read or is none of CANARD's.
    """
    rows = [row for file in files for row in read_lines(file)]
    try:
        articles, asked = conversations(rows), [row for row in rows if len(row["History"]) > 2]
        found = _found(articles, asked[:: -(-len(asked) // limit)] if limit else asked)
    except KeyError as error:
        raise ExternalError(f"{', '.join(map(str, files))}: these are not the files of canard: no {error}") from error
    if as_json:
        print(json.dumps({label: asdict(each) for label, each in found.items()}, indent=1))
        return
    table = Table("a follow-up", "n", "share", "95% interval", title="canard", box=None)
    for label, each in found.items():
        table.add_row(label, str(each.n), f"{each.value:.3f}", each.bounds(3))
    Console(width=120, highlight=False).print(table)


def conversations(rows: Sequence[Mapping[str, Any]]) -> list[Article]:
    """One article for each conversation: its title, section and answers."""
    answers: dict[str, dict[str, None]] = {}
    titles = {}
    for row in rows:
        title, section, *said = row["History"]
        titles[row["QuAC_dialog_id"]] = title
        answers.setdefault(row["QuAC_dialog_id"], {section: None}).update(dict.fromkeys(said[1::2]))
    return [Article(id=id, title=titles[id], text="\n\n".join(said)) for id, said in answers.items()]


def turns_of(row: Mapping[str, Any]) -> list[Turn]:
    """The history of a follow-up; title and section stand for what was spoken of before."""
    title, section, *said = row["History"]
    return [Turn(f"{title}: {section}"), *(Turn(*pair) for pair in zip(said[::2], said[1::2], strict=False))]


def _found(articles: Sequence[Article], rows: Sequence[Mapping[str, Any]]) -> dict[str, Estimate]:
    settings = read_settings(passage_words=PASSAGE_WORDS, top_k=DEPTH)
    with progress(len(rows)) as advance, indexed(articles, settings) as assistant:
        retriever, ways = assistant.retriever, _ways(assistant)
        first: dict[str, list[float]] = {way: [] for way in ways}
        among: dict[str, list[float]] = {way: [] for way in ways}
        for row in rows:
            wanted = retriever.find(row["Rewrite"])[0].passage.id
            for way, understand in ways.items():
                ids = [scored.passage.id for scored in retriever.find(understand(row["Question"], turns_of(row)))]
                first[way].append(float(ids[0] == wanted))
                among[way].append(float(wanted in ids))
            advance("canard")
    clusters = [row["QuAC_dialog_id"] for row in rows]
    return {
        f"{way}: {label}": statistics.mean(values[way], clusters)
        for way in ways
        for label, values in (("first", first), (f"among the first {DEPTH}", among))
    }


def _ways(assistant: Assistant) -> dict[str, Way]:
    leans, generative = Reader().leans, assistant.generative
    ways: dict[str, Way] = {
        "as it is": lambda question, _: question,
        "with the last question": lambda question, turns: f"{turns[-1].question} {question}",
        "as newsqa understands it": lambda question, turns: understood(question, turns, leans).searched,
    }
    if generative:
        ways["as the chat model rewrites it"] = lambda question, turns: generative.understood(question, turns).searched
    return ways
