"""Changes in their line: what is remembered, what is refused, and what is never begun."""

import threading

import pytest

from newsqa.api.jobs import MOST_WAITING, REMEMBERED, Job, Jobs
from newsqa.api.problems import ProblemError


@pytest.fixture
def jobs() -> Jobs:
    """An empty line."""
    return Jobs()


def _wait(go_on: threading.Event) -> None:
    go_on.wait(10)


def test_the_last_thousand_that_ended_are_remembered(jobs: Jobs) -> None:
    for _ in range(REMEMBERED + 50):
        jobs._jobs[jobs.start(Job("add", "me", 1), lambda job: None).id][1].result()
    assert REMEMBERED == len(jobs.recent("me", 10_000))


def test_a_line_that_is_too_long_is_refused_and_goes_on_when_there_is_room(jobs: Jobs) -> None:
    go_on = threading.Event()
    waiting = [jobs.start(Job("add", "me", 1), lambda job: _wait(go_on)) for _ in range(MOST_WAITING)]
    with pytest.raises(ProblemError, match="too many changes"):
        jobs.start(Job("add", "me", 1), lambda job: None)
    go_on.set()
    jobs.close()
    assert "running" not in {job.state for job in waiting}


def test_a_job_that_is_cancelled_in_the_line_never_begins(jobs: Jobs) -> None:
    go_on, begun = threading.Event(), list[str]()
    jobs.start(Job("add", "me", 1), lambda job: _wait(go_on))
    second = jobs.start(Job("add", "me", 1), lambda job: begun.append(job.id))
    second.cancel()
    assert ("cancelled", True) == (second.state, second.finished_at is not None)
    go_on.set()
    jobs.close()
    assert ([], "cancelled") == (begun, second.state)


def test_a_job_is_seen_by_its_owner_alone(jobs: Jobs) -> None:
    job = jobs.start(Job("add", "me", 1), lambda job: None)
    assert job is jobs.get(job.id, "me") is jobs.get(job.id, None)
    with pytest.raises(ProblemError, match="no job"):
        jobs.get(job.id, "you")
    assert [] == jobs.recent("you")


def test_what_a_job_could_not_do_is_its_problem(jobs: Jobs) -> None:
    def fail(_: Job) -> None:
        raise RuntimeError("/srv/secret")

    job = jobs.start(Job("add", "me", 1), fail)
    jobs.close()
    assert ("failed", "internal-error") == (job.state, job.problem.kind.name if job.problem else "")
