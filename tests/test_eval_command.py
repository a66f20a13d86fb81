"""`newsqa eval` as it is typed: what it prints, what it writes, and its exit status."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from newsqa.cli import app
from newsqa.errors import NewsqaError
from newsqa_evals.baseline import read_baseline, write_baseline
from newsqa_evals.cases import load_suites
from newsqa_evals.runner import run

SUITE = """\
suite: ferries
about: "Ferries."
corpus: [ferry.md]
cases:
  - id: noon
    question: "When does the ferry to Hollin sail?"
    answerable: true
    expected: ["noon"]
    evidence: [{article: ferry, quote: "The ferry to Hollin sails at noon."}]
    tags: [easy]
  - id: cake
    question: "How do I bake a chocolate cake?"
    answerable: false
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "ferry.md").write_text("# Ferry\n\nThe ferry to Hollin sails at noon. Dogs are welcome.\n")
    file = tmp_path / "ferries.yaml"
    file.write_text(SUITE, encoding="utf-8")
    return file


@pytest.fixture
def baseline(tmp_path: Path, suite: Path) -> Path:
    file = tmp_path / "baseline.json"
    write_baseline(file, run(load_suites([suite])))
    return file


def _eval(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["eval", *map(str, arguments)])


def test_a_table_with_a_row_for_each_suite_and_the_totals(suite: Path, baseline: Path) -> None:
    result = _eval(suite, "--baseline", baseline)
    assert 0 == result.exit_code
    rows = [line.split()[:2] for line in result.stdout.splitlines()]
    assert ["ferries", "2"] in rows
    assert ["all", "2"] in rows
    assert "nothing is significantly worse than the baseline" in result.stdout


def test_a_report_is_written_and_json_printed(tmp_path: Path, suite: Path, baseline: Path) -> None:
    result = _eval(suite, "--baseline", baseline, "--out", tmp_path / "out", "--json")
    assert 0 == result.exit_code
    assert 2 == json.loads(result.stdout)["totals"]["right"]["n"]
    assert {"report.html", "report.json", "junit.xml"} == {path.name for path in (tmp_path / "out").iterdir()}


def test_a_broken_citation_fails_and_a_regression_does_when_asked(tmp_path: Path, suite: Path) -> None:
    head, _, rest = SUITE.partition("  - id: noon")
    noon = rest.partition("  - id: cake")[0]
    cases = [f"  - id: noon-{number}{noon}" for number in range(12)]
    suite.write_text(head + "".join(cases), encoding="utf-8")
    file = tmp_path / "baseline.json"
    write_baseline(file, run(load_suites([suite]), {"most_wrong": 1.0}))
    assert 0 == _eval(suite, "--baseline", file, "--fail-on-regression").exit_code
    never = {"NEWSQA_MOST_WRONG": "0"}
    runner = CliRunner(env=never)
    assert 0 == runner.invoke(app, ["eval", str(suite), "--baseline", str(file)]).exit_code
    red = runner.invoke(app, ["eval", str(suite), "--baseline", str(file), "--fail-on-regression"])
    assert 1 == red.exit_code
    assert "Worse than the baseline: right, false refusals" in red.stdout


def test_a_gate_that_compares_nothing_is_not_green(tmp_path: Path, suite: Path, baseline: Path) -> None:
    suite.write_text(SUITE.replace("When does", "At what time does").replace("bake", "ice"), encoding="utf-8")
    result = _eval(suite, "--baseline", baseline, "--fail-on-regression")
    assert isinstance(result.exception, NewsqaError)
    assert "nothing was compared" in str(result.exception)
    assert isinstance(_eval(suite, "--baseline", tmp_path / "gone.json").exception, NewsqaError)


def test_cases_that_are_no_longer_asked_are_counted(suite: Path, baseline: Path) -> None:
    result = _eval(suite, "--baseline", baseline, "--tag", "easy")
    assert "1 of 1 cases were compared, 1 of the baseline not asked." in result.stdout


def test_settings_other_than_the_baseline_s_are_named(suite: Path, baseline: Path) -> None:
    runner = CliRunner(env={"NEWSQA_TOP_K": "3"})
    result = runner.invoke(app, ["eval", str(suite), "--baseline", str(baseline)])
    assert "Settings differ: top_k 8 to 3." in result.stdout
    refused = runner.invoke(app, ["eval", "--update-baseline", "--baseline", str(baseline)])
    assert "unset NEWSQA_TOP_K" in str(refused.exception)


def test_two_configurations_are_compared(tmp_path: Path, suite: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text("top_k = 8\n")
    two.write_text("top_k = 2\nmost_wrong = 0.5\n")
    result = _eval(suite, "--compare", one, two)
    assert 0 == result.exit_code
    assert "beside one.toml" in result.stdout
    assert "two.toml" in result.stdout


def test_only_the_cases_with_a_tag(suite: Path, baseline: Path) -> None:
    result = _eval(suite, "--tag", "easy", "--baseline", baseline, "--json")
    assert ["noon"] == [case["case"] for case in json.loads(result.stdout)["cases"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-suite"], "there is no suite 'no-such-suite'"),
        (["factoid", "--answerer", "oracle"], "no answerer 'oracle'; give one of: extractive"),
        (["factoid", "--update-baseline"], "made of all suites"),
        (["factoid", "--tag", "no-such-tag"], "no case has the tag 'no-such-tag'"),
        (["factoid", "--baseline", "gone.json"], "there is no baseline gone.json"),
        (["--external", "trivia", "file"], "no public set 'trivia'"),
        (["factoid", "--compare", "gone.toml", "gone.toml"], "gone.toml can't be read"),
        (["--compare", "a.toml", "b.toml", "--update-baseline"], "--update-baseline means nothing to --compare"),
        (["speed", "--tag", "x", "--limit", "3"], "--tag, --limit means nothing to speed"),
        (["factoid", "--out", "/dev/null/report"], "--out /dev/null/report can't be made"),
    ],
)
def test_what_can_not_be_done_is_refused(arguments: list[str], message: str) -> None:
    result = _eval(*arguments)
    assert isinstance(result.exception, NewsqaError)
    assert message in str(result.exception)


@pytest.mark.parametrize(("text", "message"), [("topk = 3", "NEWSQA_TOPK"), ("top_k = 0", "NEWSQA_TOP_K"), ("=", "")])
def test_a_bad_configuration_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    result = _eval("factoid", "--compare", file, file)
    assert isinstance(result.exception, NewsqaError)
    assert str(file) in str(result.exception)
    assert message in str(result.exception)


def test_a_bad_suite_exits_1_with_one_message_and_scores_nothing(suite: Path) -> None:
    suite.write_text(SUITE.replace("sails at noon.", "sank at noon."), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("newsqa")), "eval", str(suite)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 1 == done.returncode
    assert "" == done.stdout
    assert f"{suite}:9: noon: evidence.0.quote: does not stand in ferry" in done.stderr


def test_without_the_extra_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['ir_measures'] = None; sys.argv[1:] = ['eval']; from newsqa.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (1, "newsqa: ir_measures is missing; install the evals: pip install 'newsqa[evals]'\n") == (
        done.returncode,
        done.stderr,
    )


def test_help_shows_the_options() -> None:
    result = _eval("--help")
    assert 0 == result.exit_code
    assert "--fail-on-regression" in result.stdout


def test_the_shipped_baseline_knows_every_case() -> None:
    from newsqa_evals.baseline import BASELINE

    kept = {(score.suite, score.case, score.digest) for score in read_baseline(BASELINE).scores}
    assert kept == {(suite.name, case.id, case.digest) for suite in load_suites() for case in suite.cases}
