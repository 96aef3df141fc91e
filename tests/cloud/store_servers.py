"""Object stores on loopback for tests: moto's S3 server and an emulator of Google Cloud Storage."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from gcs_emulator import GcsEmulator

# What a person's shell may hold must not reach a test, nor a test the network.
UNWANTED = ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS")


@dataclass(frozen=True)
class Store:
    """A bucket of its own on a running server."""

    scheme: str
    bucket: str
    environment: dict[str, str]
    """What reaches the server, for this process or another."""

    def uri(self, path: str = "") -> str:
        """Of a key in the bucket."""
        return f"{self.scheme}://{self.bucket}/{path}".rstrip("/")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[dict[str, str]]:
    """Environment that reaches moto's S3 server."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per request otherwise
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    server.stop()


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsEmulator]:
    """A running emulator."""
    server = GcsEmulator()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["s3", "gs"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A fresh bucket of each store, reachable from this process."""
    return fresh_store(request, request.param, monkeypatch)


def fresh_store(request: pytest.FixtureRequest, scheme: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A bucket of one store; its server runs from now on."""
    bucket = f"ads-{uuid.uuid4().hex[:12]}"
    for name in UNWANTED:
        monkeypatch.delenv(name, raising=False)
    if scheme == "s3":
        environment = request.getfixturevalue("s3_server")
    else:
        server = request.getfixturevalue("gcs_server")
        environment = {"STORAGE_EMULATOR_HOST": server.endpoint}
        server.buckets[bucket] = {}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if scheme == "s3":
        import boto3

        boto3.client("s3").create_bucket(Bucket=bucket)
    return Store(scheme, bucket, environment)
