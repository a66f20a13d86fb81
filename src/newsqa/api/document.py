"""The OpenAPI document: what FastAPI makes of the routes, with its own errors taken out and links put in."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from newsqa.api import wire

_FOREIGN = ("HTTPValidationError", "ValidationError")
_LINKS: dict[tuple[str, str, str], dict[str, Any]] = {
    ("/v1/articles", "post", "201"): {
        "get": {"operationId": "get_article", "parameters": {"article_id": "$response.body#/id"}},
        "replace": {
            "operationId": "replace_article",
            "parameters": {"article_id": "$response.body#/id", "if-match": "$response.header.ETag"},
        },
        "delete": {"operationId": "delete_article", "parameters": {"article_id": "$response.body#/id"}},
    },
    ("/v1/articles", "get", "200"): {
        "next": {"operationId": "list_articles", "parameters": {"cursor": "$response.body#/next_cursor"}},
    },
    ("/v1/articles/import", "post", "202"): {
        "job": {"operationId": "get_job", "parameters": {"job_id": "$response.body#/id"}},
        "cancel": {"operationId": "cancel_job", "parameters": {"job_id": "$response.body#/id"}},
    },
    ("/v1/conversations", "post", "201"): {
        "get": {"operationId": "get_conversation", "parameters": {"conversation_id": "$response.body#/id"}},
        "export": {"operationId": "export_conversation", "parameters": {"conversation_id": "$response.body#/id"}},
        "delete": {"operationId": "delete_conversation", "parameters": {"conversation_id": "$response.body#/id"}},
    },
    ("/v1/ask", "post", "200"): {
        "feedback": {
            "operationId": "give_feedback",
            "requestBody": {"answer_id": "$response.body#/id", "verdict": "up"},
        },
    },
}
"""What a reply's values may be used for next: by path, method and status."""


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app's routes."""
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = made["components"]["schemas"]
    for name in _FOREIGN:
        schemas.pop(name, None)
    template = "#/components/schemas/{model}"
    schemas.setdefault("Problem", wire.Problem.model_json_schema(ref_template=template))
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            _complete(operation, _LINKS, (path, method))
    return made


def _complete(operation: dict[str, Any], links: dict[tuple[str, str, str], Any], place: tuple[str, str]) -> None:
    """Takes out errors that are never sent, and puts in what a reply leads to."""
    for status, reply in list(operation["responses"].items()):
        schema = reply.get("content", {}).get("application/json", {}).get("schema", {})
        if schema.get("$ref", "").endswith(_FOREIGN):
            del operation["responses"][status]
        elif found := links.get((*place, status)):
            reply["links"] = found
