"""`/docs`: the OpenAPI description as one page of HTML, without scripts and without anything from elsewhere."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

from serving.gateway.codes import CODES

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.3rem .6rem;text-align:left;"
    "vertical-align:top}pre{background:#f5f5f5;padding:1rem;overflow:auto}code{font-size:.95em}"
)
CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def docs_page(description: Mapping[str, Any]) -> str:
    """The page of an OpenAPI description that has `/v1/predict` in it."""
    operation = description["paths"]["/v1/predict"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    row = description["components"]["schemas"]["Impression"]
    example = json.dumps(content["examples"]["one"]["value"], indent=2)
    paths = [
        (method.upper(), path, item.get("summary", ""))
        for path, methods in description["paths"].items()
        for method, item in methods.items()
    ]
    fields = [
        (name, _type(schema), "yes" if name in row["required"] else "", _bounds(schema), schema.get("description", ""))
        for name, schema in row["properties"].items()
    ]
    codes = [(str(meaning.status), code, meaning.meaning) for code, meaning in CODES.items()]
    title = html.escape(description["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f'</head><body><h1>{title}</h1><p>Machines read <a href="openapi.json">openapi.json</a>.</p>'
        f"<h2>Calls</h2>{_table(('Method', 'Path', ''), paths)}"
        f"<h2>A request</h2><pre>POST /v1/predict\nAuthorization: Bearer TOKEN\n\n{html.escape(example)}</pre>"
        f"<p>A list of such objects is answered with a list, in its order.</p>"
        f"<h2>Fields</h2>{_table(('Field', 'Type', 'Required', 'Bounds', ''), fields)}"
        f"<h2>Codes</h2>{_table(('HTTP', 'Code', 'Meaning'), codes)}</body></html>"
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{lines}</table>"


def _type(schema: Mapping[str, Any]) -> str:
    return " or ".join(kind for kind in schema.get("type", ()) if kind != "null") or "anything"


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and high is None:
        return ""
    return f"{'' if low is None else format(low, 'g')} … {'' if high is None else format(high, 'g')}"
