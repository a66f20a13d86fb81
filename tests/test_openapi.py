"""The OpenAPI document: what it promises is what the server does, and a client generator has all it needs."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from newsqa import Article, open_assistant
from newsqa.api.access import new_key
from tests.serving import ON_LOOPBACK, serving

pytestmark = ON_LOOPBACK
KEY, ENTRY = new_key("admin")
NOT_PROMISED: Any = [positive_data_acceptance]
"""Some rules, such as that history and conversation_id exclude each other, no schema can tell."""
FEW = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, corpus: list[Article]) -> Iterator[str]:
    """Where a server runs that has a key, so that it can be seen to ask for it."""
    folder = tmp_path_factory.mktemp("declared") / "library"
    with open_assistant(folder) as opened:
        opened.library.add(corpus[:3])
    with serving(folder, {"NEWSQA_API_KEYS": ENTRY}) as running:
        yield running.url


@pytest.fixture(scope="module")
def schema(url: str) -> Any:
    """The OpenAPI document, read by schemathesis, which sends the key."""
    config = schemathesis.Config.from_dict({"auth": {"openapi": {"HTTPBearer": {"bearer": KEY}}}})
    return schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)


def test_whatever_is_sent_the_reply_is_declared(schema: Any) -> None:
    failures = []
    for found in schema.get_all_operations():
        operation = found.ok()
        try:
            _holds(operation)
        except (Exception, ExceptionGroup) as failure:  # noqa: BLE001  # all operations are looked at
            failures.append(f"{operation.label}\n{failure}")
    assert not failures, "\n\n".join(failures)


def _holds(operation: Any) -> None:
    @FEW
    @given(case=operation.as_strategy())
    def holds(case: schemathesis.Case[Any]) -> None:
        not_built = operation.path == "/v1/articles/from-url"
        case.call_and_validate(excluded_checks=[*NOT_PROMISED, *([not_a_server_error] if not_built else [])])

    holds()


def test_what_one_reply_gives_the_next_request_takes(schema: Any) -> None:
    class Machine(schema.as_state_machine()):  # type: ignore[misc]
        """Asks for what is declared, and leaves out what is not promised."""

        def validate_response(self, response: Any, case: schemathesis.Case[Any], **more: Any) -> None:
            del more
            case.validate_response(response, excluded_checks=NOT_PROMISED)

    Machine.run(settings=settings(FEW, max_examples=8, stateful_step_count=6))
