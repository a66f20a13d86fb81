"""The OpenAPI document: what it promises is what the server does, and a client generator has all it needs."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from newsqa import Article, open_assistant
from newsqa.api.access import new_key
from newsqa.api.problems import OPENAI_PATHS
from tests.serving import ON_LOOPBACK, serving

pytestmark = ON_LOOPBACK
NOT_BUILT = "/v1/articles/from-url"
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


@pytest.fixture(scope="module")
def document(url: str) -> dict[str, Any]:
    """The OpenAPI document as it is."""
    return httpx.get(f"{url}/openapi.json", trust_env=False).json()  # type: ignore[no-any-return]


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
        not_built = operation.path == NOT_BUILT
        case.call_and_validate(excluded_checks=[*NOT_PROMISED, *([not_a_server_error] if not_built else [])])

    holds()


def test_what_one_reply_gives_the_next_request_takes(schema: Any) -> None:
    class Machine(schema.exclude(path=NOT_BUILT).as_state_machine()):  # type: ignore[misc]
        """Asks for what is declared, and leaves out what is not promised."""

        def validate_response(self, response: Any, case: schemathesis.Case[Any], **more: Any) -> None:
            del more
            case.validate_response(response, excluded_checks=NOT_PROMISED)

    Machine.run(settings=settings(FEW, max_examples=8, stateful_step_count=6))


def test_every_operation_and_every_field_is_described(document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == len({operation["operationId"] for operation in operations})
    for operation in operations:
        assert operation["description"].endswith("."), operation["operationId"]
        for parameter in operation.get("parameters", []):
            assert parameter["in"] == "path" or parameter.get("description"), (operation["operationId"], parameter)
    for name, model in document["components"]["schemas"].items():
        for field, values in model.get("properties", {}).items():
            assert values.get("description") or "const" in values, f"{name}.{field}"


def test_every_body_has_an_example_that_the_server_takes(document: dict[str, Any], url: str) -> None:
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=30, trust_env=False) as client:
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                content = operation.get("requestBody", {}).get("content", {}).get("application/json")
                if content and path != "/v1/articles/from-url":  # there is no web here
                    name = content["schema"]["$ref"].rsplit("/", 1)[-1]
                    (example,) = document["components"]["schemas"][name]["examples"]
                    response = client.request(method, path.replace("{article_id}", "none"), json=example)
                    assert response.status_code not in {400, 422}, response.text


def test_every_error_that_may_come_is_declared_with_its_shape(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, reply in operation["responses"].items():
                if int(status) >= 400 and path != "/readyz":
                    kind = "application/json" if path.startswith(OPENAI_PATHS) else "application/problem+json"
                    shape = "OpenAIError" if path.startswith(OPENAI_PATHS) else "Problem"
                    assert reply["content"][kind]["schema"]["$ref"].endswith(shape), (path, status)
