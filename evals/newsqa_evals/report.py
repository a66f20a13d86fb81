"""A run as files: a page to open, JSON to compute with, JUnit XML for a CI's own view."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from newsqa_evals import plots, statistics, summary
from newsqa_evals.runner import Run
from newsqa_evals.scores import Score
from newsqa_evals.statistics import Difference, Estimate, Values
from newsqa_evals.summary import METRICS

LABELS: Mapping[str, str] = {name: metric.label for name, metric in METRICS.items()} | {
    "flips": "wordings that flip",
    "auroc": "AUROC of the confidence",
    "area_under_risk_coverage": "area under risk-coverage",
    "coverage_at_80_precision": "coverage at 80% precision",
    "coverage_at_90_precision": "coverage at 90% precision",
    "calibration_error": "calibration error",
    "refusal_f1": "F1 of refusing",
    "answering_f1": "F1 of answering",
}
MEANINGS: Mapping[str, str] = {
    "right": "Answered with what was expected, first citing evidence; or refused where the articles don’t say.",
    "answer_match": "Of the answerable: the answer holds an expected string (of each group).",
    "token_f1": "Tokens shared with the expected answer; a right refusal counts 1.",
    "exact": "Every citation reproduces its quote and its article’s facts. Anything under 1 fails the gate.",
    "citation_precision": "Of the citations of answers given: the share that is evidence.",
    "citation_recall": "Of what was expected: the share that a citation gives.",
    "citation_support": "Of the cited statements: the share that what they cite bears out, by newsqa’s own check.",
    "verified": "Of what the chat model stated: the share that was borne out; the rest was withdrawn or marked.",
    "right_article": "The first citation is of the right article.",
    "false_answers": "Of the unanswerable: answered all the same. Lower is better.",
    "false_refusals": "Of the answerable: refused. Lower is better.",
    "flips": "Of the other wordings of a question that is answered rightly: the share that is not. Lower is better.",
    "auroc": "The chance that a right answer has more confidence than a wrong one; 0.5 by guessing.",
    "recall_at_1": "Of what was expected: the share for which the first passage holds evidence.",
    "recall_at_4": "The same for one of the first 4 passages.",
    "recall_at_8": "The same for one of the first 8 passages.",
    "reciprocal_rank": "1 / rank of the first passage with evidence.",
    "ndcg": "Discounted gain of the passages with evidence, of the best that could be.",
    "refusal_precision": "Of the refusals: the articles really don’t say.",
    "answering_precision": "Of the answers given: the articles do say something.",
    "coverage_at_80_precision": "Share of all questions that could be answered with 80% of the answers right.",
    "coverage_at_90_precision": "The same for 90%.",
    "area_under_risk_coverage": "Mean share of wrong answers over all coverages. Lower is better.",
    "calibration_error": "Mean distance of the confidence from the share that is right. Lower is better.",
}


@dataclass(frozen=True)
class Comparison:
    """A run beside the one it is held against."""

    name: str
    """What the other run is called."""
    before: Run
    now: Run

    @cached_property
    def pairs(self) -> list[tuple[Score, Score]]:
        """The cases both asked, before and now."""
        return summary.paired(self.before.scores, self.now.scores)

    @cached_property
    def differences(self) -> dict[str, Difference]:
        """By metric and suite."""
        return summary.differences(self.pairs)

    @cached_property
    def earlier(self) -> dict[tuple[str, str], Score]:
        """The score before of each case that both asked, by suite and case."""
        return {(now.suite, now.case): before for before, now in self.pairs}

    @property
    def not_asked(self) -> list[str]:
        """Cases of the other run that this one did not ask in the same words."""
        return [f"{s.suite}/{s.case}" for s in self.before.scores if (s.suite, s.case) not in self.earlier]

    @property
    def other_settings(self) -> dict[str, tuple[Any, Any]]:
        """Settings that differ, before and now."""
        names = {**self.before.settings, **self.now.settings}
        both = {name: (self.before.settings.get(name), self.now.settings.get(name)) for name in names}
        return {name: values for name, values in both.items() if values[0] != values[1]}

    @property
    def worse(self) -> list[str]:
        """What got significantly worse."""
        return [name for name, found in self.differences.items() if found.verdict == "worse"]


@dataclass(frozen=True)
class Report:
    """A run and, where there is one, what it is compared with."""

    run: Run
    comparison: Comparison | None = None

    @cached_property
    def totals(self) -> dict[str, Estimate]:
        """Every figure over all cases."""
        scores = self.run.scores
        return summary.means(scores) | summary.flips(scores) | summary.of_confidence(scores)

    @cached_property
    def suites(self) -> dict[str, dict[str, Estimate]]:
        """The means of every suite."""
        return {name: summary.means(scores) for name, scores in summary.by_suite(self.run.scores).items()}

    @property
    def broken(self) -> list[Score]:
        """The cases with a citation that is not exact, or that raised."""
        return [score for score in self.run.scores if not score.exact]

    @property
    def failures(self) -> list[str]:
        """Why the gate is red: cases with a broken citation, and figures that are significantly worse."""
        broken = [f"{score.suite}/{score.case} is broken" for score in self.broken]
        worse = self.comparison.worse if self.comparison else []
        return broken + [f"{LABELS.get(name, name)} is worse" for name in worse]

    def write(self, folder: Path) -> list[Path]:
        """Writes report.html, report.json and junit.xml; returns their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        texts = {"report.html": self.html(), "report.json": self.json(), "junit.xml": self.junit()}
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        return [folder / name for name in texts]

    def json(self) -> str:
        """Everything, for programs."""
        differences = self.comparison.differences if self.comparison else {}
        values = {
            "commit": self.run.commit,
            "versions": dict(self.run.versions),
            "settings": dict(self.run.settings),
            "totals": {name: asdict(found) for name, found in self.totals.items()},
            "suites": {suite: {name: asdict(e) for name, e in found.items()} for suite, found in self.suites.items()},
            "latency": summary.latency(self.run.scores),
            "grounding": summary.grounding(self.run.scores),
            "differences": {name: asdict(found) for name, found in differences.items()},
            "cases": [asdict(score) for score in self.run.scores],
        }
        return json.dumps(finite(values), ensure_ascii=False, indent=1)

    def junit(self) -> str:
        """A test for each case: failed when broken, or wrong now and not in the baseline; else wrong is skipped."""
        root = ET.Element("testsuites", name="newsqa eval")
        for name, scores in summary.by_suite(self.run.scores).items():
            suite = ET.SubElement(root, "testsuite", name=_printable(name), tests=str(len(scores)))
            for score in scores:
                names = {"classname": _printable(name), "name": _printable(score.case)}
                test = ET.SubElement(suite, "testcase", names, time=f"{score.seconds:.4f}")
                before = self._before(score)
                if not score.exact:
                    message = _printable(score.error) or "a citation does not reproduce its quote"
                    ET.SubElement(test, "error", message=message)
                elif not score.right and before and not before.right:
                    ET.SubElement(test, "skipped", message="wrong, as in the baseline")
                elif not score.right:
                    ET.SubElement(test, "failure", message=_printable(f"expected {score.expected}; got {score.got}"))
            kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
            suite.attrib |= {plural: str(len(suite.findall(f".//{kind}"))) for plural, kind in kinds.items()}
        ET.indent(root)
        return ET.tostring(root, encoding="unicode", xml_declaration=True)

    def html(self) -> str:
        """One page without any outside reference."""
        environment = Environment(
            loader=PackageLoader("newsqa_evals", "templates"), autoescape=True, undefined=StrictUndefined
        )
        return environment.get_template("report.html").render(
            report=self,
            labels=LABELS,
            meanings=MEANINGS,
            plots={name: Markup(svg) for name, svg in self._plots().items()},  # noqa: S704  # plots.py escapes
            rows=self._rows(),
            latency=summary.latency(self.run.scores),
            grounding=summary.grounding(self.run.scores),
            written=datetime.now(UTC).strftime("%-d %B %Y, %H:%M UTC"),
        )

    def _rows(self) -> list[tuple[Score, Score | None, str]]:
        """Each score with the one before and its outcome: broken, better, worse, right or wrong."""
        return [(score, old := self._before(score), _outcome(score, old)) for score in self.run.scores]

    def _before(self, score: Score) -> Score | None:
        return self.comparison.earlier.get((score.suite, score.case)) if self.comparison else None

    def _plots(self) -> dict[str, str]:
        confidence = np.array([score.confidence for score in self.run.scores])
        right = np.array([score.would_be_right for score in self.run.scores])
        curve = plots.Line("this run", _points(statistics.risk_coverage(confidence, right)))
        drawn = [curve]
        if self.comparison and self.comparison.pairs:
            old = list(self.comparison.earlier.values())
            risk = statistics.risk_coverage(
                np.array([score.confidence for score in old]), np.array([score.would_be_right for score in old])
            )
            drawn.insert(0, plots.Line(self.comparison.name, _points(risk), "before"))
        bins = [(said, found) for said, found, _ in statistics.reliability(confidence, right)]
        diagonal = plots.Line("perfectly calibrated", [(0, 0), (1, 1)], "guide")
        rows = [
            (suite, found["right"].value, *found["right"].drawn, found["right"].n)
            for suite, found in self.suites.items()
        ]
        return {
            "suites": plots.bars("Share right by suite, with 95% intervals", rows),
            "risk": plots.lines("Risk-coverage curve", "coverage: share answered", "risk: share wrong", drawn),
            "reliability": plots.lines(
                "Reliability diagram", "confidence", "share right", [diagonal, plots.Line("bins", bins, dots=True)]
            ),
            "latency": plots.histogram("Milliseconds of an answer", "ms", summary.times(self.run.scores)),
        }


def _outcome(score: Score, before: Score | None) -> str:
    if not score.exact:
        return "broken"
    if before and score.right != before.right:
        return "better" if score.right else "worse"
    return "right" if score.right else "wrong"


def _points(curve: tuple[Values, Values]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(*curve, strict=True)]


def finite(value: Any) -> Any:
    """`value` with null for what is no number, as JSON needs."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _printable(text: str) -> str:
    """`text` without the characters that XML has no way to write."""
    return "".join(char for char in text if char.isprintable() or char == "\n")
