"""The API's description, made from its endpoints and models: OpenAPI 3.1.

``python -m streamssl.review.openapi`` prints it; docs/reference/review-api.json is that, and a test keeps it so.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

import orjson
from pydantic.json_schema import models_json_schema

from streamssl.review.api import ENDPOINTS, Endpoint
from streamssl.review.models import Model, Problem

REASONS = {
    401: "No token, or one that is not valid.",
    404: "There is no such thing, or not any more.",
    409: "Somebody was there first.",
    413: "The body is too long.",
    422: "The body cannot be used; the message names the field.",
}


def description() -> dict[str, Any]:
    """Return the description as plain data.

    Examples
    --------
    >>> described = description()
    >>> described["openapi"], sorted(described["paths"])[:2]
    ('3.1.0', ['/api/classes', '/api/decisions'])
    """
    used = {model for each in ENDPOINTS for model in (each.takes, each.gives) if model is not None} | {Problem}
    ordered = sorted(used, key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, "validation") for model in ordered], by_alias=True, ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, Any] = {}
    for each in ENDPOINTS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "streamssl review",
            "version": version("streamssl"),
            "description": "Answer review requests from a script. Every call is made as one person, whose token it "
            "bears.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    answers: dict[str, Any] = {
        str(status): _answer(REASONS[status], Problem) for status in (401, *endpoint.refuses)
    }
    if endpoint.takes is not None:
        answers["413"] = _answer(REASONS[413], Problem)
    if endpoint.gives is not None:
        answers["200"] = _answer(endpoint.summary, endpoint.gives)
    if endpoint.gives is None or endpoint.call == "next":
        answers["204"] = {"description": "Done, or nothing to do."}
    operation: dict[str, Any] = {
        "operationId": endpoint.call,
        "summary": endpoint.summary,
        "responses": dict(sorted(answers.items())),
    }
    if names := re.findall(r"{(\w+)}", endpoint.path):
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    if endpoint.takes is not None:
        operation["requestBody"] = {"required": True, "content": _content(endpoint.takes)}
    return operation


def _answer(text: str, model: type[Model]) -> dict[str, Any]:
    return {"description": text, "content": _content(model)}


def _content(model: type[Model]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


if __name__ == "__main__":
    print(orjson.dumps(description(), option=orjson.OPT_INDENT_2).decode())
