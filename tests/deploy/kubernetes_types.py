"""Manifests held against the Kubernetes client's models: unknown fields, wrong types, missing required fields.

The client is generated from Kubernetes' own OpenAPI description; the lock's release knows Kubernetes 1.26.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "bool": (bool,), "float": (float, int)}
INT_OR_STRING = {"object": (int, str, dict, list, bool, float)}
_CONFIGURATION = client.Configuration()


def documents(path: Path) -> list[dict[str, Any]]:
    """All documents of a YAML file that are not empty."""
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]


def model_name(manifest: dict[str, Any]) -> str:
    """`V1Deployment` of `apps/v1`, `Deployment`."""
    version = manifest["apiVersion"].rpartition("/")[2]
    return version[0].upper() + version[1:] + str(manifest["kind"])


def faults(manifest: dict[str, Any]) -> list[str]:
    """What the API server would refuse or drop, with its place; none if all is known and of its type."""
    name = model_name(manifest)
    if not hasattr(client, name):
        return [f"{manifest['apiVersion']} {manifest['kind']}: no such kind"]
    return list(_faults(manifest, name, name))


def _faults(value: Any, kind: str, place: str) -> Iterator[str]:
    if listed := re.fullmatch(r"list\[(.+)\]", kind):
        if not isinstance(value, list):
            yield f"{place}: no list"
            return
        for number, each in enumerate(value):
            yield from _faults(each, listed[1], f"{place}[{number}]")
    elif mapped := re.fullmatch(r"dict\(str, (.+)\)", kind):
        if not isinstance(value, dict):
            yield f"{place}: no mapping"
            return
        for key, each in value.items():
            yield from _faults(each, mapped[1], f"{place}.{key}")
    elif kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (isinstance(value, bool) and kind != "bool"):
            yield f"{place}: {value!r} is no {kind}"
    elif kind in INT_OR_STRING:
        if not isinstance(value, INT_OR_STRING[kind]):
            yield f"{place}: {value!r}"
    else:
        yield from _model_faults(value, kind, place)


def _model_faults(value: Any, kind: str, place: str) -> Iterator[str]:
    model = getattr(client, kind)
    if not isinstance(value, dict):
        yield f"{place}: no mapping"
        return
    fields = {wire: python for python, wire in model.attribute_map.items()}
    for key, each in value.items():
        if key not in fields:
            yield f"{place}: no field {key!r} in {kind}"
        else:
            yield from _faults(each, model.openapi_types[fields[key]], f"{place}.{key}")
    try:
        # The models' setters know which fields are required; values are checked above, so any will do.
        model(**{fields[key]: each for key, each in value.items() if key in fields},
              local_vars_configuration=_CONFIGURATION)  # fmt: skip
    except ValueError as error:
        yield f"{place}: {error}"
