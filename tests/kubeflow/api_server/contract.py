"""Holds requests and replies against Kubeflow Pipelines' published OpenAPI definition.

kfp_api.swagger.json is backend/api/v2beta1/swagger/kfp_api_single_file.swagger.json of kubeflow/pipelines at 7b70c7b
(release 2.17.0), unchanged, under the Apache License 2.0.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema

SWAGGER = Path(__file__).with_name("kfp_api.swagger.json")


class ContractError(AssertionError):
    """A request or a reply that the API's definition does not have."""


class Operation(NamedTuple):
    """One method of one path."""

    name: str
    path_values: dict[str, str]
    definition: Mapping[str, Any]


@functools.cache
def swagger() -> dict[str, Any]:
    """The definition, in which objects take no property that they do not name, and numbers may be numbers.

    protojson, which the backend reads with, takes int64 as number too.
    """
    whole: dict[str, Any] = json.loads(SWAGGER.read_text(encoding="utf-8"))
    for schema in whole["definitions"].values():
        _tighten(schema)
    return whole


def _tighten(schema: Any) -> None:
    if isinstance(schema, list):
        for one in schema:
            _tighten(one)
    elif isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
        if schema.get("format") == "int64":
            schema["type"] = ["string", "integer"]
        for one in schema.values():
            _tighten(one)


def operation(method: str, path: str) -> Operation | None:
    """What a request asks for."""
    for template, methods in swagger()["paths"].items():
        names = re.findall(r"{([^}]+)}", template)
        pattern = re.sub(r"\\{[^}]+\\}", "([^/:]+)", re.escape(template))
        match = re.fullmatch(pattern, path)
        if match and method.lower() in methods and "{name}" not in template:
            definition = methods[method.lower()]
            return Operation(definition["operationId"], dict(zip(names, match.groups(), strict=True)), definition)
    return None


def check_request(asked: Operation, query: Mapping[str, str], body: Any) -> None:
    """Raises ContractError for an unknown query parameter, or a body of another shape."""
    parameters = asked.definition.get("parameters", [])
    unknown = set(query) - {one["name"] for one in parameters if one["in"] == "query"}
    if unknown:
        raise ContractError(f"{asked.name}: no query parameter {sorted(unknown)}")
    schema = next((one["schema"] for one in parameters if one["in"] == "body"), None)
    if schema is not None:
        _check(asked.name, schema, body)
    elif body is not None and not any(one["in"] == "formData" for one in parameters):
        raise ContractError(f"{asked.name}: takes no body, got {body!r}")


def check_reply(asked: Operation, status: int, body: Any) -> None:
    """Raises ContractError for a reply that the definition does not have."""
    responses = asked.definition["responses"]
    answer = responses.get(str(status)) or responses.get("default")
    if answer is None:
        raise ContractError(f"{asked.name}: has no reply of status {status}")
    _check(f"{asked.name}, reply {status}", answer["schema"], body)


def _check(where: str, schema: Mapping[str, Any], value: Any) -> None:
    error = jsonschema.exceptions.best_match(_validator(json.dumps(schema)).iter_errors(value))
    if error is not None:
        raise ContractError(f"{where}: {'.'.join(map(str, error.absolute_path))}: {error.message}")


@functools.cache
def _validator(schema: str) -> jsonschema.Draft4Validator:
    return jsonschema.Draft4Validator({**json.loads(schema), "definitions": swagger()["definitions"]})
