"""`newsqa eval`: runs suites, prints what came out, and says by its exit status whether that is good enough."""

import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from newsqa.cli import progress
from newsqa.errors import NewsqaError, SettingsError

if TYPE_CHECKING:
    from newsqa_evals.report import Comparison, Report
    from newsqa_evals.runner import Run
    from newsqa_evals.statistics import Difference, Estimate

# Everything heavy is imported inside the functions, so that `--help` answers at once.

ANSWERERS = ("extractive", "generative")
EXTERNAL = ("squad", "newsqa", "realtimeqa", "canard", "html", "verification")
_OPTIONS = {
    "--answerer generative": {"--tag", "--out", "--answerer"},
    "the gate": {"--tag", "--baseline", "--out", "--fail-on-regression", "--update-baseline"},
    "--compare": {"--tag", "--out", "--fail-on-regression", "--compare"},
    "--external": {"--limit"},
    "speed": {"--passages", "--articles", "--questions", "--library"},
}
"""What may be said along with each."""
_COLUMNS = ("false_answers", "false_refusals", "citation_precision", "recall_at_8")

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


class EvalError(NewsqaError):
    """Something asked of `newsqa eval` that it can't do."""


@app.command(
    epilog="Examples:  newsqa eval    newsqa eval factoid lists --out report    newsqa eval --fail-on-regression"
    "    newsqa eval --compare before.toml after.toml    newsqa eval speed --passages 1000"
    "    newsqa eval --external newsqa articles.jsonl.gz questions.jsonl.gz"
)
def evaluate(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SUITE...]",
            help="Names or files of suites; all that ship when none is given; `speed` for times and memory; "
            "the data files with --external.",
        ),
    ] = None,
    answerer: Annotated[
        str, typer.Option(help="`generative`: ask the chat model of NEWSQA_CHAT_MODEL, and compare with `extractive`.")
    ] = ANSWERERS[0],
    tag: Annotated[str, typer.Option(help="Only the cases with this tag, such as held_out.")] = "",
    baseline: Annotated[
        Path | None, typer.Option(help="Scores to be held against; evals/baseline.json when it is there.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.html, report.json and junit.xml.")] = None,
    fail_on_regression: Annotated[
        bool, typer.Option("--fail-on-regression", help="Exit 1 when something is significantly worse.")
    ] = False,
    update_baseline: Annotated[bool, typer.Option("--update-baseline", help="Keep this run as the baseline.")] = False,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A.toml B.toml", help="Run twice, with the settings of each file, and compare."),
    ] = None,
    external: Annotated[
        str, typer.Option(help=f"A public set instead: {', '.join(EXTERNAL)}; its files are the arguments.")
    ] = "",
    limit: Annotated[int, typer.Option(min=0, help="At most so many questions of a public set; 0: all.")] = 0,
    passages: Annotated[
        list[int] | None, typer.Option(min=100, help="For `speed`: library sizes; may be repeated.")
    ] = None,
    articles: Annotated[
        list[Path] | None,
        typer.Option(help="For `speed`: JSON lines with title and text; else articles are made of the corpus."),
    ] = None,
    questions: Annotated[
        Path | None, typer.Option(help="For `speed`: JSON lines with question; else those of the suite factoid.")
    ] = None,
    library: Annotated[
        Path | None, typer.Option(help="For `speed`: folder of a library that is there; only asking it is timed.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the answers: run suites of cases and compare the scores with the baseline.

    Exits 1 on any citation that is not exact, and with --fail-on-regression on anything significantly worse.
    """
    _check_answerer(answerer)
    named = names or []
    alone = "--answerer generative" if answerer == "generative" else "the gate"
    mode = "--external" if external else "speed" if named == ["speed"] else "--compare" if compare else alone
    given = {
        "--tag": tag, "--baseline": baseline, "--out": out, "--fail-on-regression": fail_on_regression,
        "--update-baseline": update_baseline, "--compare": compare, "--limit": limit, "--passages": passages,
        "--articles": articles, "--questions": questions, "--library": library, "--answerer": answerer != ANSWERERS[0],
    }  # fmt: skip
    unfit = [option for option, value in given.items() if value and option not in _OPTIONS[mode]]
    if unfit:
        raise EvalError(f"{', '.join(unfit)} means nothing to {mode}; leave it out")
    if out:
        _make_folder(out)
    if mode == "--external":
        _external(external, named, limit, as_json=as_json)
    elif mode == "speed":
        from newsqa_evals import speed

        speed.measure(passages or [1000, 20_000], articles or [], questions, library, as_json=as_json)
    elif mode == "--answerer generative":
        _beside_extractive(named, tag, out, as_json=as_json)
    elif compare:
        _compare(named, tag, compare, out, strict=fail_on_regression, as_json=as_json)
    elif update_baseline:
        if named or tag:
            raise EvalError("a baseline is made of all suites: leave out the names and --tag")
        _update(baseline, out, as_json=as_json)
    else:
        _gate(named, tag, baseline, out, strict=fail_on_regression, as_json=as_json)


def _check_answerer(answerer: str) -> None:
    if answerer not in ANSWERERS:
        raise EvalError(f"there is no answerer {answerer!r}; give one of: {', '.join(ANSWERERS)}")


def _gate(
    names: Sequence[str], tag: str, baseline: Path | None, out: Path | None, *, strict: bool, as_json: bool
) -> None:
    from newsqa_evals.baseline import BASELINE, read_baseline
    from newsqa_evals.report import Comparison, Report

    needed = strict or baseline is not None
    before = read_baseline(baseline or BASELINE) if needed or BASELINE.is_file() else None
    now = _run(names, tag, {})
    report = Report(now, Comparison("the baseline", before, now) if before else None)
    _show(report, out, as_json=as_json)
    if needed and report.comparison and not report.comparison.pairs:
        raise EvalError("no case stands in the baseline in the same words: nothing was compared")
    if report.broken or (strict and report.failures):
        raise typer.Exit(1)


def _update(baseline: Path | None, out: Path | None, *, as_json: bool) -> None:
    """Keeps a run as the baseline, beside the old one where that can be read."""
    from newsqa_evals.baseline import BASELINE, BaselineError, read_baseline, write_baseline
    from newsqa_evals.report import Comparison, Report
    from newsqa_evals.runner import changed_settings

    file = baseline or BASELINE
    if changed_settings():
        raise EvalError(f"a baseline is made with the defaults; unset {', '.join(changed_settings())}")
    try:
        before = read_baseline(file) if file.exists() else None
    except BaselineError as error:
        print(f"newsqa: {error}", file=sys.stderr)
        before = None
    now = _run((), "", {})
    _show(Report(now, Comparison("the old baseline", before, now) if before else None), out, as_json=as_json)
    write_baseline(file, now)
    print(f"newsqa: {file} now holds these scores", file=sys.stderr)


def _compare(
    names: Sequence[str], tag: str, files: tuple[Path, Path], out: Path | None, *, strict: bool, as_json: bool
) -> None:
    from newsqa_evals.report import Comparison, Report

    chosen = [_settings(file) for file in files]
    before, now = (_run(names, tag, settings) for settings in chosen)
    first = Report(before)
    if not as_json:
        _print_run(first, files[0].name)
    report = Report(now, Comparison(files[0].name, before, now))
    _show(report, out, as_json=as_json, title=files[1].name)
    if first.broken or report.broken or (strict and report.failures):
        raise typer.Exit(1)


def _beside_extractive(names: Sequence[str], tag: str, out: Path | None, *, as_json: bool) -> None:
    """Asks both answerers the same and compares them."""
    from newsqa.wiring import read_settings
    from newsqa_evals.report import Comparison, Report

    if not (read_settings().chat_model or read_settings().chat_base_url):
        raise EvalError("there is no chat model to ask; set NEWSQA_CHAT_MODEL, and see `newsqa doctor --chat-model`")
    before, now = (_run(names, tag, {}, answerer) for answerer in ("extractive", "generative"))
    first = Report(before)
    if not as_json:
        _print_run(first, "extractive")
    report = Report(now, Comparison("extractive", before, now))
    _show(report, out, as_json=as_json, title="generative")
    if first.broken or report.broken:
        raise typer.Exit(1)


def _external(name: str, files: Sequence[str], limit: int, *, as_json: bool) -> None:
    from newsqa_evals import external, extraction, follow_ups, verification

    if name not in EXTERNAL:
        raise EvalError(f"there is no public set {name!r}; give one of: {', '.join(EXTERNAL)}")
    own = {"canard": follow_ups.measure, "html": extraction.measure, "verification": verification.measure}
    measure = own.get(name, partial(external.measure, name))
    measure([Path(file) for file in files], limit, as_json=as_json)


def _run(
    names: Sequence[str],
    tag: str,
    settings: Mapping[str, Any],
    answerer: Literal["extractive", "generative"] = "extractive",
) -> "Run":
    from newsqa_evals.cases import SuiteError, load_suites
    from newsqa_evals.runner import run

    suites = [suite.tagged(tag) if tag else suite for suite in load_suites(names)]
    suites = [suite for suite in suites if suite.cases]
    if not suites:
        raise SuiteError(f"no case has the tag {tag!r}")
    with progress(sum(len(suite.cases) for suite in suites)) as advance:
        return run(suites, settings, advance, answerer)


def _settings(file: Path) -> dict[str, Any]:
    from newsqa.wiring import read_settings

    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        read_settings(**values)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} can't be read as TOML ({error}); write lines such as `top_k = 8`") from error
    except SettingsError as error:
        raise SettingsError(f"{file}: {error}") from error
    return values


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EvalError(f"--out {folder} can't be made ({error.strerror}); name another folder") from error


def _show(report: "Report", out: Path | None, *, as_json: bool, title: str = "") -> None:
    written = report.write(out) if out else []
    if as_json:
        print(report.json())
    else:
        _print_run(report, title)
    if written:
        print(f"newsqa: open {written[0]}", file=sys.stderr)


def _print_run(report: "Report", title: str = "") -> None:
    from newsqa_evals.report import LABELS
    from newsqa_evals.summary import grounding, latency

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 180)
    differences = report.comparison.differences if report.comparison else {}
    beside = [f"beside {report.comparison.name}"] if report.comparison and differences else []
    headings = [LABELS[name] for name in _COLUMNS]
    table = Table("suite", "cases", "right", *headings, *beside, box=None, title=title or None)
    for name, found in report.suites.items():
        table.add_row(name, *_cells(found), *_verdict(differences, f"suite: {name}"))
    table.add_section()
    table.add_row("all", *_cells(report.totals), *_verdict(differences, "right"), style="bold")
    console.print(table)
    console.print()
    figures = Table("figure", "value", "95% interval", "n", *beside, box=None)
    for name, total in report.totals.items():
        value = f"{total.value:.3f}" if total.value == total.value else "–"  # NaN
        figures.add_row(LABELS[name], value, total.interval, str(total.n), *_verdict(differences, name))
    console.print(figures)
    console.print()
    if judged := grounding(report.run.scores):
        console.print(f"the chat model's statements: {', '.join(f'{kind} {count}' for kind, count in judged.items())}")
    times = latency(report.run.scores)
    console.print(f"an answer took {times['p50_ms']:.0f} ms in the median, {times['p95_ms']:.0f} ms at p95")
    for score in report.broken:
        console.print(f"BROKEN {score.suite}/{score.case}: {score.error or score.cited}", markup=False, style="red")
    console.print(_conclusion(report, LABELS), style="bold")


def _cells(found: "Mapping[str, Estimate]") -> Iterable[str]:
    right = found["right"]
    yield str(right.n)
    yield f"{right.value:.2f}  {right.interval}"
    yield from (f"{found[name].value:.2f}" if name in found else "" for name in _COLUMNS)


def _verdict(differences: "Mapping[str, Difference]", name: str) -> Sequence[str]:
    found = differences.get(name)
    if found is None:
        return [""] if differences else []
    colour = {"better": "green", "worse": "red"}.get(found.verdict, "dim")
    was = f", was {found.before:.3f}, {found.chance}" if found.before != found.now else ""
    return [f"[{colour}]{found.verdict}[/]{was}"]


def _conclusion(report: "Report", labels: Mapping[str, str]) -> str:
    if report.broken:
        return (
            f"{len(report.broken)} of {len(report.run.scores)} cases have a broken citation or failed: mend that first."
        )
    comparison = report.comparison
    if comparison is None:
        return "Every citation is exact. There is no baseline to compare with."
    if comparison.worse:
        worse = ", ".join(labels.get(name, name) for name in comparison.worse)
        return f"Every citation is exact. Worse than {comparison.name}: {worse}.{_compared(comparison)}"
    better = [labels.get(n, n) for n, found in comparison.differences.items() if found.verdict == "better"]
    gained = f" Better: {', '.join(better)}." if better else ""
    unharmed = f"Every citation is exact, and nothing is significantly worse than {comparison.name}."
    return (unharmed if comparison.pairs else "Every citation is exact.") + gained + _compared(comparison)


def _compared(comparison: "Comparison") -> str:
    """What the comparison leaves out, and where it is one of other settings."""
    asked = f" {len(comparison.pairs)} of {len(comparison.now.scores)} cases were compared"
    asked += f", {len(comparison.not_asked)} of {comparison.name} not asked." if comparison.not_asked else "."
    other = comparison.other_settings.items()
    changed = ", ".join(f"{name} {before} to {now}" for name, (before, now) in other)
    return asked + (f" Settings differ: {changed}." if changed else "")
