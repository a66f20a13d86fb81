"""What the commands print: answers, articles, JSON, and how far they are."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from newsqa.errors import NewsqaError

if TYPE_CHECKING:
    from rich.console import Console

    from newsqa.domain import Answer, Article


@contextmanager
def progress(total: int) -> Iterator[Any]:
    """A bar on a terminal's stderr; what it yields moves it on by one."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=_console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=total)
        yield lambda title: bar.update(task, advance=1, description=_plain(title)[:60])


def json_text(value: Any) -> str:
    """`value` as indented JSON."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def _plain(text: str) -> str:
    """`text` on one line, without characters that would steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))


def print_answer(answer: "Answer", *, as_json: bool) -> None:
    """Prints an answer with its citations, or as JSON."""
    if as_json:
        from newsqa.domain import to_json

        print(json_text(to_json(answer)))
        return
    from rich.text import Text

    console = _console()
    if answer.standalone_question != answer.question:
        console.print(Text(f"understood as: {_plain(answer.standalone_question)}", style="dim"))
    console.print(_marked_text(answer))
    console.print()
    for citation in answer.citations:
        where = ", ".join(filter(None, (_plain(citation.publisher), _published(citation.published_at))))
        head = Text(f"[{citation.number}] ", style="cyan")
        head.append(_plain(citation.title), style="bold").append(f"  {where}")
        console.print(head)
        at = f"newsqa show {citation.article_id} --at {citation.source_span.start}"
        console.print(Text(f"    {at}", style="dim"))
    for told in _told(answer):
        console.print(Text(told, style="dim"))
    console.print()


def _told(answer: "Answer") -> Iterator[str]:
    """What there is to know of an answer beside its text."""
    if answer.status == "answered":
        yield f"confidence {answer.confidence:.0%}"
    if answer.fallback:
        yield f"{'broken off' if answer.answerer == 'generative' else 'without the chat model'}: {answer.fallback}"
    for each in answer.unverified:
        became = "not verified" if each.answer_span else "withdrawn"
        yield f"{became}, {each.kind}: {_plain(each.text)}"


def _marked_text(answer: "Answer") -> Any:
    """The answer's text, what is quoted in bold."""
    from rich.text import Text

    marked, end = Text(), 0
    for citation in answer.citations:
        span = citation.answer_span
        if span.end > end:  # else one more citation of the same statement
            marked.append(_plain(answer.text[end : span.start]) + (" " if end < span.start else ""))
            marked.append(_plain(span.of(answer.text)), style="bold")
            end = span.end
        marked.append(f" [{citation.number}]", style="cyan")
        end += len(f" [{citation.number}]")
    return marked.append(_plain(answer.text[end:]))


def _published(day: date | None) -> str:
    return day.strftime("%-d %B %Y") if day else "no date"


def print_articles(found: "list[Article]") -> None:
    """Prints a table of articles."""
    from rich.table import Table

    table = Table("id", "published", "publisher", "title", box=None, padding=(0, 2, 0, 0))
    for article in found:
        day = str(article.published_at or "no date")
        table.add_row(*map(_escaped, (article.id, day, article.publisher, article.title)))
    _console().print(table)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(_plain(text))


def print_article(article: "Article", at: int | None) -> None:
    """Prints an article, or what is around the offset `at`, the sentence there lit."""
    from rich.text import Text

    from newsqa.passages import split_sentences

    console = _console()
    console.print(Text(_plain(article.title), style="bold"))
    console.print(", ".join(filter(None, (_escaped(article.publisher), _published(article.published_at)))))
    if article.fictional:
        console.print(Text("fictional", style="dim"))
    console.print()
    start, end, lit = 0, len(article.text), None
    if at is not None:
        if at >= len(article.text):
            raise NewsqaError(f"--at {at} lies behind the end of {article.id} ({len(article.text)} characters)")
        sentences = split_sentences(article.text, article.language, (article.title, article.subtitle))
        index = max(i for i, sentence in enumerate(sentences) if sentence.start <= max(at, sentences[0].start))
        start = sentences[max(0, index - 3)].start
        end, lit = sentences[min(len(sentences) - 1, index + 3)].end, sentences[index]
    printed = Text("".join(char if char.isprintable() or char == "\n" else " " for char in article.text[start:end]))
    if lit:
        printed.stylize("bold reverse", lit.start - start, lit.end - start)
    console.print(printed)
