"""`newsqa eval`: runs suites, prints what came out, and says by its exit status whether that is good enough."""

import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from newsqa.cli import progress
from newsqa.errors import NewsqaError, SettingsError

# Everything heavy is imported inside the functions, so that `--help` answers at once.

ANSWERERS = ("extractive",)
EXTERNAL = ("squad", "newsqa", "realtimeqa")
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
    answerer: Annotated[str, typer.Option(help=f"Which answerer is asked: {', '.join(ANSWERERS)}.")] = ANSWERERS[0],
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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the answers: run suites of cases and compare the scores with the baseline.

    Exits 1 on any citation that is not exact, and with --fail-on-regression on anything significantly worse.
    """
    if answerer not in ANSWERERS:
        raise EvalError(f"there is no answerer {answerer!r}; give one of: {', '.join(ANSWERERS)}")
    if external:
        _external(external, names or [], limit, as_json=as_json)
    elif names == ["speed"]:
        from newsqa_evals import speed

        speed.measure(passages or [1000, 20_000], articles or [], as_json=as_json)
    elif compare:
        _compare(names or [], tag, compare, out, as_json=as_json)
    else:
        if update_baseline and (names or tag):
            raise EvalError("a baseline is made of all suites: leave out the names and --tag")
        _gate(names or [], tag, baseline, out, update=update_baseline, strict=fail_on_regression, as_json=as_json)


def _gate(
    names: Sequence[str],
    tag: str,
    baseline: Path | None,
    out: Path | None,
    *,
    update: bool,
    strict: bool,
    as_json: bool,
) -> None:
    from newsqa_evals.baseline import BASELINE, read_baseline, write_baseline
    from newsqa_evals.report import Comparison, Report

    file = baseline or BASELINE
    before = read_baseline(file) if file.is_file() or (baseline and not update) else None
    now = _run(names, tag, {})
    report = Report(now, Comparison("the baseline", before, now) if before else None)
    _show(report, out, as_json=as_json)
    if update:
        write_baseline(file, now)
        print(f"newsqa: {file} now holds these scores", file=sys.stderr)
    elif report.broken or (strict and report.failures):
        raise typer.Exit(1)


def _compare(names: Sequence[str], tag: str, files: tuple[Path, Path], out: Path | None, *, as_json: bool) -> None:
    from newsqa_evals.report import Comparison, Report

    chosen = [_settings(file) for file in files]
    before, now = (_run(names, tag, settings) for settings in chosen)
    if not as_json:
        _print_run(Report(before), files[0].name)
    report = Report(now, Comparison(files[0].name, before, now))
    _show(report, out, as_json=as_json, title=files[1].name)
    if report.broken or not all(score.exact for score in before.scores):
        raise typer.Exit(1)


def _external(name: str, files: Sequence[str], limit: int, *, as_json: bool) -> None:
    from newsqa_evals import external

    if name not in EXTERNAL:
        raise EvalError(f"there is no public set {name!r}; give one of: {', '.join(EXTERNAL)}")
    external.measure(name, [Path(file) for file in files], limit, as_json=as_json)


def _run(names: Sequence[str], tag: str, settings: Mapping[str, Any]) -> Any:
    from newsqa_evals.cases import SuiteError, load_suites
    from newsqa_evals.runner import run

    suites = [suite.tagged(tag) if tag else suite for suite in load_suites(names)]
    suites = [suite for suite in suites if suite.cases]
    if not suites:
        raise SuiteError(f"no case has the tag {tag!r}")
    with progress(sum(len(suite.cases) for suite in suites)) as advance:
        return run(suites, settings, on_case=advance)


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


def _show(report: Any, out: Path | None, *, as_json: bool, title: str = "") -> None:
    written = report.write(out) if out else []
    if as_json:
        print(report.json())
    else:
        _print_run(report, title)
    if written:
        print(f"newsqa: open {written[0]}", file=sys.stderr)


def _print_run(report: Any, title: str = "") -> None:
    from newsqa_evals.report import LABELS
    from newsqa_evals.summary import latency

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    differences = report.comparison.differences if report.comparison else {}
    table = Table("suite", "cases", "right", *(LABELS[name] for name in _COLUMNS), box=None, title=title or None)
    if differences:
        table.add_column(f"right, beside {report.comparison.name}")
    for name, found in report.suites.items():
        table.add_row(name, *_cells(found), *_verdict(differences, f"suite: {name}"))
    table.add_section()
    table.add_row("all", *_cells(report.totals), *_verdict(differences, "right"), style="bold")
    console.print(table)
    console.print()
    _print_figures(console, report, differences, LABELS)
    times = latency(report.run.scores)
    console.print(f"an answer took {times['p50_ms']:.0f} ms in the median, {times['p95_ms']:.0f} ms at p95")
    for score in report.broken:
        console.print(f"BROKEN {score.suite}/{score.case}: {score.error or score.cited}", markup=False, style="red")
    console.print(_conclusion(report, LABELS), style="bold")


def _print_figures(console: Console, report: Any, differences: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    table = Table("figure", "value", "95% interval", "n", box=None)
    if differences:
        table.add_column(f"beside {report.comparison.name}")
    for name, found in report.totals.items():
        cells = (labels[name], f"{found.value:.3f}", f"{found.low:.3f} to {found.high:.3f}", str(found.n))
        table.add_row(*cells, *_verdict(differences, name))
    console.print(table)
    console.print()


def _cells(found: Mapping[str, Any]) -> Iterable[str]:
    right = found["right"]
    yield str(right.n)
    yield f"{right.value:.2f}  {right.low:.2f} to {right.high:.2f}"
    yield from (f"{found[name].value:.2f}" if name in found else "" for name in _COLUMNS)


def _verdict(differences: Mapping[str, Any], name: str) -> Sequence[str]:
    found = differences.get(name)
    if found is None:
        return [""] if differences else []
    colour = {"better": "green", "worse": "red"}.get(found.verdict, "dim")
    was = f", was {found.before:.3f}, {found.chance}" if found.before != found.now else ""
    return [f"[{colour}]{found.verdict}[/]{was}"]


def _conclusion(report: Any, labels: Mapping[str, str]) -> str:
    if report.broken:
        return (
            f"{len(report.broken)} of {len(report.run.scores)} cases have a broken citation or failed: mend that first."
        )
    if report.comparison is None:
        return "Every citation is exact. There is no baseline to compare with."
    name, worse = report.comparison.name, report.comparison.worse
    if worse:
        return f"Every citation is exact. Worse than {name}: {', '.join(labels.get(each, each) for each in worse)}."
    better = [labels.get(n, n) for n, found in report.comparison.differences.items() if found.verdict == "better"]
    gained = f" Better: {', '.join(better)}." if better else ""
    return f"Every citation is exact, and nothing is significantly worse than {name}.{gained}"
