"""The OpenAPI description of `/v1/predict`, made from the feature table: it says what the checks ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configs.features import AnyFeature, Bucketized, FeatureTable, Image, Key, Label, Numeric, Timestamp
from configs.gateway import Limits
from serving.gateway.codes import CODES

_EXAMPLE_IMAGE, _EXAMPLE_TIME = "images/creative.jpg", "2026-01-01T12:00:00Z"
_READ = ["numeric", "bucketized", "categorical", "hashed", "text", "image", "timestamp"]


def row_schema(table: FeatureTable, limits: Limits, optional: tuple[str, ...]) -> dict[str, Any]:
    """JSON Schema of one impression."""
    properties: dict[str, Any] = {}
    for feature in table:
        if isinstance(feature, Label):
            continue
        properties[feature.name] = _property(feature, limits)
        if isinstance(feature, Image):
            properties[feature.bytes_name] = {
                "type": ["string", "null"],
                "contentEncoding": "base64",
                "description": "The encoded image, in base64.",
            }
            properties[f"{feature.name}_url"] = {
                "type": ["string", "null"],
                "format": "uri",
                "description": "Where the image is fetched from; its host has to be on the allow-list.",
            }
    required = [f.name for f in table if f.required and f.name in properties and f.name not in optional]
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": required}


def example_row(table: FeatureTable) -> dict[str, Any]:
    """An impression that passes the checks."""
    features = [f for f in table if f.kind in _READ or (isinstance(f, Key) and f.required)]
    return {feature.name: _example(feature) for feature in features}


def _property(feature: AnyFeature, limits: Limits) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    if isinstance(feature, Numeric | Bucketized):
        bounds = {"minimum": feature.minimum, "maximum": feature.maximum}
        schema = {"type": ["number"], **{key: bound for key, bound in bounds.items() if bound is not None}}
    elif isinstance(feature, Timestamp):
        schema = {"type": ["string", "integer"], "format": "date-time"}
    elif isinstance(feature, Key):
        schema = {"type": ["string", "integer"]}
    elif feature.kind in _READ:
        schema = {"type": ["string"], "maxLength": limits.max_text_bytes}
    if "type" in schema:
        schema["type"].append("null")
    words = [feature.description] if feature.description else []
    if feature.pii:
        words.append("Personal: it is hashed before it leaves the gateway, or not used at all, and never logged.")
    if feature.kind not in _READ:
        words.append("The model does not read it.")
    return {**schema, "description": " ".join(words)} if words else schema


def _example(feature: AnyFeature) -> object:
    if isinstance(feature, Numeric | Bucketized):
        low = 0.0 if feature.minimum is None else feature.minimum
        return low if feature.maximum is None else (low + feature.maximum) / 2
    if isinstance(feature, Timestamp):
        return _EXAMPLE_TIME
    return _EXAMPLE_IMAGE if isinstance(feature, Image) else f"a_{feature.name}"


def predict_path(table: FeatureTable, limits: Limits, optional: tuple[str, ...]) -> dict[str, Any]:
    """The path item of `/v1/predict`."""
    row = row_schema(table, limits, optional)
    example = example_row(table)
    one, many = {"$ref": "#/components/schemas/Impression"}, {"$ref": "#/components/schemas/Answer"}
    statuses: dict[int, list[str]] = {}
    for code, meaning in CODES.items():
        statuses.setdefault(meaning.status, []).append(f"`{code}`: {meaning.meaning}")
    responses: dict[str, Any] = {
        str(status): {
            "description": " ".join(meanings),
            "content": {"application/json": {"schema": many}},
        }
        for status, meanings in sorted(statuses.items())
    }
    return {
        "post": {
            "summary": "Click probability of one impression, or of a list of them",
            "operationId": "predict",
            "security": [{"bearer": []}],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"oneOf": [row, {"type": "array", "items": one, "maxItems": limits.max_rows}]},
                        "examples": {
                            "one": {"summary": "One impression", "value": example},
                            "many": {"summary": "Two impressions", "value": [example, example]},
                        },
                    }
                },
            },
            "responses": responses,
        }
    }


def components(table: FeatureTable, limits: Limits, optional: tuple[str, ...]) -> dict[str, Any]:
    """Schemas that the paths refer to."""
    number = {"type": "number"}
    confidence = {
        "type": ["object", "null"],
        "description": "Click rate observed among evaluation rows with such a score, its 95 % Wilson interval, rows.",
        "properties": {"observed_click_rate": number, "low": number, "high": number, "impressions": number},
    }
    prediction = {
        "type": ["object", "null"],
        "properties": {
            "click_probability": {"type": "number", "minimum": 0, "maximum": 1},
            "confidence": confidence,
            "confidence_reason": {"type": "string", "description": "Why there is no confidence."},
            "creative": {"type": "string", "description": "known, image, unreadable or unknown."},
            "warnings": {"type": "array", "items": {"type": "string"}},
        },
    }
    result: Mapping[str, Any] = {
        "success": {"type": "boolean"},
        "code": {"type": "string", "enum": list(CODES)},
        "message": {"type": "string"},
        "prediction": prediction,
        "model_version": {"type": ["integer", "null"]},
    }
    answer = {
        **result,
        "predictions": {
            "type": "array",
            "description": "In place of `prediction`, where a list was sent; in its order.",
            "items": {"type": "object", "properties": result},
        },
        "request_id": {"type": "string"},
    }
    return {
        "schemas": {
            "Impression": row_schema(table, limits, optional),
            "Answer": {
                "type": "object",
                "properties": answer,
                "required": ["success", "code", "message", "request_id"],
            },
        },
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
    }
