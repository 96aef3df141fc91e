"""URIs of artifacts and where the launcher of Kubeflow Pipelines puts their local copies, both ways.

backend/src/v2/component/launcher_v2.go, LocalPathForURI: it downloads inputs before the container's command and
uploads outputs after it. No file layer of TensorFlow, Beam or ours knows `minio://`.
"""

from __future__ import annotations

import os

from adclick.stores import scheme

ROOT_VARIABLE = "ADCLICK_LAUNCHER_ROOT"
"""Folder below which the copies lie; the launcher's own is `/`."""
FOLDERS = {"minio": "minio", "s3": "s3", "gs": "gcs"}
S3_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def launcher_root() -> str:
    """Without a slash at its end: empty for `/`."""
    return os.environ.get(ROOT_VARIABLE, "/").rstrip("/")


def local_path(uri: str) -> str:
    """Where the copy of a URI lies or will lie; what has no copy stays as it is."""
    protocol = scheme(uri)
    if protocol not in FOLDERS:
        return uri
    return f"{launcher_root()}/{FOLDERS[protocol]}/{uri.partition('://')[2]}"


def uri_of(path: str) -> str:
    """The URI whose copy a path is; another path stays as it is."""
    for protocol, folder in FOLDERS.items():
        top = f"{launcher_root()}/{folder}/"
        if path.startswith(top) and len(path) > len(top):
            return f"{protocol}://{path[len(top) :]}"
    return path


def readable_uri(path: str) -> str:
    """The URI under which a later container can read what this one leaves at a path below the launcher's copies.

    MinIO speaks S3: where an endpoint for that is named, `minio://` is `s3://`. Another path stays as it is, and so
    does every path outside of a container.
    """
    if ROOT_VARIABLE not in os.environ:
        return path
    uri = uri_of(path)
    if scheme(uri) == "minio" and any(os.environ.get(name) for name in S3_ENDPOINTS):
        return f"s3{uri.removeprefix('minio')}"
    return uri


def run_id_of(output_uri: str, node_id: str) -> str:
    """The run's id, which stands before the component's name in the URI of its outputs; empty where it does not.

    `<root>/<pipeline>/<run id>/<component>/…` on Kubeflow Pipelines, `<root>/<project>/<job>/<component>_<number>/…` on
    Vertex AI.
    """
    parts = output_uri.partition("://")[2].split("/")
    for place in range(len(parts) - 1, 0, -1):
        if parts[place] == node_id or parts[place].startswith(f"{node_id}_"):
            return parts[place - 1]
    return ""
