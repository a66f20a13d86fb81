"""The scores that later runs are held against, kept in a file of the repository."""

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from newsqa.errors import NewsqaError
from newsqa_evals.cases import EVALS
from newsqa_evals.runner import Run
from newsqa_evals.scores import Score

BASELINE = EVALS / "baseline.json"
_KEPT = (
    "suite", "case", "digest", "article", "answerable", "answered", "confidence", "right", "would_be_right",
    "exact", "citation_precision", "citation_recall", "citation_support",
    "reciprocal_rank", "cited",
)  # fmt: skip
_RUN = TypeAdapter(Run)


class BaselineError(NewsqaError):
    """A baseline that can't be read or must not be written."""


def write_baseline(file: Path, run: Run) -> None:
    """Keeps a run, a line for each case, so that a diff shows what changed.

    Raises:
        BaselineError: a citation of the run is broken: that is never what later runs are held against.
    """
    if not all(score.exact for score in run.scores):
        raise BaselineError(f"{file} is left as it was: a citation is broken or a question failed; mend that first")
    head = {"commit": run.commit, "versions": run.versions, "settings": run.settings}
    lines = [_line(score) for score in run.scores]
    text = json.dumps(head, indent=1)[:-2] + ',\n "scores": [\n' + ",\n".join(lines) + "\n ]\n}\n"
    written = file.with_suffix(".tmp")
    written.write_text(text, encoding="utf-8")
    written.replace(file)


def read_baseline(file: Path) -> Run:
    """The run that `write_baseline` kept; what is not kept of a score is empty.

    Raises:
        BaselineError: the file is not there, or is no baseline.
    """
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return _RUN.validate_python({**values, "scores": [{"tags": (), **score} for score in values["scores"]]})
    except FileNotFoundError:
        raise BaselineError(f"there is no baseline {file}; make one with `newsqa eval --update-baseline`") from None
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise BaselineError(f"{file} is no baseline ({first}); make it anew: newsqa eval --update-baseline") from error


def _line(score: Score) -> str:
    kept = {name: value for name in _KEPT if (value := getattr(score, name)) is not None}
    return "  " + json.dumps(kept, ensure_ascii=False)
