"""Uploads a compiled pipeline as a version of the pipeline of its name, once for each content."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.kubeflow.submission.connection import Connection
from pipeline.kubeflow.submission.package import Package

EQUALS = 1
"""Of the API's filter: backend/api/v2beta1/filter.proto."""


class Version(NamedTuple):
    """An uploaded version."""

    pipeline_id: str
    version_id: str
    name: str
    uploaded: bool
    """Whether it was new."""


def named(name: str) -> str:
    """The API's filter for a display name."""
    return json.dumps({"predicates": [{"operation": EQUALS, "key": "display_name", "stringValue": name}]})


def upload(connection: Connection, package: Package) -> Version:
    """The version with these contents, uploaded if there is none. Raises ApiError."""
    pipeline_id = _pipeline(connection, package.name)
    prefix = connection.submission.version_name
    name = f"{prefix}-{package.digest()}" if prefix else package.digest()

    def find() -> Any:
        found = connection.ask(
            f"look for version {name!r} of pipeline {package.name!r}",
            connection.client.list_pipeline_versions,
            pipeline_id=pipeline_id,
            filter=named(name),
        )
        return next(iter(found.pipeline_versions or ()), None)

    version = find()
    uploaded = version is None
    if version is None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, f"{package.name}.yaml")
            file.write_text(package.text(), encoding="utf-8")
            version = connection.create(
                f"upload version {name!r} of pipeline {package.name!r}",
                find,
                connection.client.upload_pipeline_version,
                pipeline_package_path=str(file),
                pipeline_version_name=name,
                pipeline_id=pipeline_id,
                description="compiled by adclick",
            )
    return Version(pipeline_id, str(version.pipeline_version_id), name, uploaded)


def _pipeline(connection: Connection, name: str) -> str:
    """ID of the pipeline, which is made without a version where there is none."""
    import kfp_server_api

    client, namespace = connection.client, connection.namespace

    def find() -> Any:
        found = connection.ask(
            f"look for pipeline {name!r}", client.list_pipelines, filter=named(name), namespace=namespace
        )
        return next(iter(found.pipelines or ()), None)

    pipeline = find() or connection.create(
        f"create pipeline {name!r}",
        find,
        client.pipelines.create_pipeline,
        body=kfp_server_api.V2beta1Pipeline(display_name=name, namespace=namespace),
    )
    return str(pipeline.pipeline_id)
