"""What the commands print: answers, articles, JSON, and how far they are."""

import json
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from newsqa.domain import as_date, now
from newsqa.errors import NewsqaError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from newsqa.domain import Article
    from newsqa.library import Outcome

_MOST_NAMED = 20
"""Articles that are named one by one."""


@contextmanager
def progress(total: int) -> Iterator[Any]:
    """A bar on a terminal's stderr; what it yields moves it on by one."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=_console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=total)
        yield lambda title: bar.update(task, advance=1, description=plain(title)[:60])


LINE_SECONDS = 10.0
"""Between two lines that say how far it is, where there is no terminal."""


@dataclass
class IntakeProgress:
    """How far an intake is: a bar on a terminal's stderr, else a line now and then."""

    bar: "Bar"
    task: "TaskID"
    lines: bool
    total: int = 0
    done: int = 0
    embedded: int = 0
    title: str = ""
    started: float = field(default_factory=monotonic)
    said: float = field(default_factory=monotonic)
    interrupted: bool = False
    """Whether Ctrl-C was pressed; where that falls into a finalizer Python drops it, so each step looks."""

    def interrupt(self, *_: object) -> None:
        """Takes the signal."""
        self.interrupted = True
        raise KeyboardInterrupt

    def expected(self, number: int) -> None:
        """So many more articles or files will come."""
        self.total += number
        self._show("")

    def article(self, article: "Article", outcome: "Outcome") -> None:
        """It is stored, or was already."""
        del outcome
        self.one(article.title)

    def failed(self, message: str) -> None:
        """This is no article."""
        del message  # it is told at the end
        self.one("")

    def passages(self, number: int) -> None:
        """So many more are embedded."""
        self.embedded += number
        self._show("")

    def one(self, title: str) -> None:
        """One more is done."""
        self.done += 1
        self.total = max(self.total, self.done)  # a file may hold many
        self._show(title)

    def _show(self, title: str) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        seconds = max(monotonic() - self.started, 0.001)
        rate = f"{self.embedded:,} passages, {self.embedded / seconds:.0f} a second"
        self.title = plain(title)[:50] or self.title
        self.bar.update(self.task, total=self.total, completed=self.done, rate=rate, description=self.title)
        if self.lines and monotonic() - self.said >= LINE_SECONDS:
            self.said = monotonic()
            left = seconds / self.done * (self.total - self.done) / 60 if self.done else 0
            ahead = f", about {left:.0f} min left" if left >= 1 else ""
            print(f"newsqa: {self.done:,} of {self.total:,}; {rate}{ahead}", file=sys.stderr, flush=True)


@contextmanager
def intake_progress() -> Iterator[IntakeProgress]:
    """What a terminal, or a log, is told of an intake."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate, title = TextColumn("{task.fields[rate]}"), TextColumn("{task.description}")
    columns = (BarColumn(20), MofNCompleteColumn(), rate, TimeRemainingColumn(), title)
    terminal = sys.stderr.isatty()
    with Progress(*columns, console=_console(stderr=True), transient=True, disable=not terminal) as bar:
        told = IntakeProgress(bar, bar.add_task("", total=0, rate=""), not terminal)
        before = signal.getsignal(signal.SIGINT)
        if before is signal.default_int_handler:
            signal.signal(signal.SIGINT, told.interrupt)
        try:
            yield told
        finally:
            signal.signal(signal.SIGINT, before)


def print_intake(intake: Mapping[str, Any], failed: int) -> None:
    """Prints what became of everything, on one line, and what is gone and what is double on lines of their own."""
    outcomes, copies, gone = list(intake["outcomes"].values()), intake["copies"], intake["gone"]
    counts = [f"{outcomes.count(kind):,} {kind}" for kind in ("added", "replaced", "unchanged")]
    double = "duplicate" if len(copies) == 1 else "duplicates"
    more = {double: len(copies), "gone": len(gone), "failed": failed}
    print(", ".join([*counts, *(f"{count:,} {kind}" for kind, count in more.items() if count)]), flush=True)
    for id, others in list(copies.items())[:_MOST_NAMED]:
        print(f"  duplicate: {plain(id)} tells the story of {plain(', '.join(others[:3]))} in nearly the same words")
    became = "removed" if intake["pruned"] else "kept; --prune removes it"
    for id in gone[:_MOST_NAMED]:
        print(f"  gone: {plain(id)} is not at its origin any longer ({became})")
    if intake["left"]:
        print(f"  {intake['left']:,} more pages are listed there; `newsqa sync` goes on with them")


def json_text(value: Any) -> str:
    """`value` as indented JSON."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def plain(text: str) -> str:
    """`text` on one line, without characters that would steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))


def print_answer(answer: Mapping[str, Any], *, as_json: bool) -> None:
    """Prints an answer with its citations, or as JSON."""
    if as_json:
        print(json_text(answer))
        return
    from rich.text import Text

    console = _console()
    if answer["standalone_question"] != answer["question"]:
        console.print(Text(f"understood as: {plain(answer['standalone_question'])}", style="dim"))
    console.print(_marked_text(answer))
    console.print()
    for citation in answer["citations"]:
        where = ", ".join(filter(None, (plain(citation["publisher"]), _published(citation["published_at"]))))
        head = Text(f"[{citation['number']}] ", style="cyan")
        head.append(plain(citation["title"]), style="bold").append(f"  {where}")
        console.print(head)
        if citation["copies"]:
            also = (
                f"{plain(each['publisher'] or each['title'])}, {_published(each['published_at'])}"
                for each in citation["copies"]
            )
            console.print(Text(f"    also in {'; '.join(also)}", style="dim"))
        at = f"newsqa show {shlex.quote(plain(citation['article_id']))} --at {citation['source_span']['start']}"
        console.print(Text(f"    {at}", style="dim"))
    for told in _told(answer):
        console.print(Text(told, style="dim"))
    console.print()


def _told(answer: Mapping[str, Any]) -> Iterator[str]:
    """What there is to know of an answer beside its text."""
    if answer["status"] == "answered":
        yield f"confidence {answer['confidence']:.0%}"
    if answer["fallback"]:
        broken_off = answer["answerer"] == "generative"
        yield f"{'broken off' if broken_off else 'without the chat model'}: {answer['fallback']}"
    for each in answer["unverified"]:
        became = "not verified" if each["answer_span"] else "withdrawn"
        yield f"{became}, {each['kind']}: {plain(each['text'])}"


def _marked_text(answer: Mapping[str, Any]) -> Any:
    """The answer's text, what is quoted in bold."""
    from rich.text import Text

    marked, text, end = Text(), answer["text"], 0
    for citation in answer["citations"]:
        span = citation["answer_span"]
        if span["end"] > end:  # else one more citation of the same statement
            marked.append(plain(text[end : span["start"]]) + (" " if end < span["start"] else ""))
            marked.append(plain(text[span["start"] : span["end"]]), style="bold")
            end = span["end"]
        marked.append(f" [{citation['number']}]", style="cyan")
        end += len(f" [{citation['number']}]")
    return marked.append(plain(text[end:]))


def _published(moment: str | None) -> str:
    return as_date(moment).strftime("%-d %B %Y") if moment else "no date"


def print_articles(found: Sequence[Mapping[str, Any]]) -> None:
    """Prints a table of articles."""
    from rich.table import Table

    table = Table("id", "published", "publisher", "title", box=None, padding=(0, 2, 0, 0))
    for article in found:
        day = str(as_date(article["published_at"])) if article["published_at"] else "no date"
        table.add_row(*map(_escaped, (article["id"], day, article["publisher"], article["title"])))
    _console().print(table)


def print_origins(found: Sequence[Mapping[str, Any]]) -> None:
    """Prints a table of where articles come from, with how fresh it is."""
    from rich.table import Table

    if not found:
        return
    table = Table("from", "kind", "last read", "last news", "trouble", box=None, padding=(0, 2, 0, 0))
    for origin in found:
        moments = (ago(datetime.fromisoformat(at) if at else None) for at in (origin["seen_at"], origin["changed_at"]))
        table.add_row(_escaped(origin["address"]), origin["kind"], *moments, _escaped(origin["trouble"]))
    console = _console()
    console.print()
    console.print(table)


def ago(moment: datetime | None) -> str:
    """How long ago it was, roughly."""
    if moment is None:
        return "never"
    minutes = int((now() - moment).total_seconds() // 60)
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if count := minutes // size:
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(plain(text))


def print_article(article: Mapping[str, Any], at: int | None) -> None:
    """Prints an article, or what is around the offset `at`, the sentence there lit."""
    from rich.text import Text

    from newsqa.passages import split_sentences

    console, text = _console(), article["text"]
    console.print(Text(plain(article["title"]), style="bold"))
    console.print(", ".join(filter(None, (_escaped(article["publisher"]), _published(article["published_at"])))))
    if article["fictional"]:
        console.print(Text("fictional", style="dim"))
    console.print()
    start, end, lit = 0, len(text), None
    if at is not None:
        if at >= len(text):
            raise NewsqaError(f"--at {at} lies behind the end of {plain(article['id'])} ({len(text)} characters)")
        sentences = split_sentences(text, article["language"], (article["title"], article["subtitle"]))
        index = max(i for i, sentence in enumerate(sentences) if sentence.start <= max(at, sentences[0].start))
        start = sentences[max(0, index - 3)].start
        end, lit = sentences[min(len(sentences) - 1, index + 3)].end, sentences[index]
    printed = Text("".join(char if char.isprintable() or char == "\n" else " " for char in text[start:end]))
    if lit:
        printed.stylize("bold reverse", lit.start - start, lit.end - start)
    console.print(printed)
