"""A gateway in a process of its own, tokens for it, and plain HTTP to it."""

from __future__ import annotations

import http.client
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
SECRET = "a-secret-of-the-tests-with-32-bytes-and-more"
PII_KEY = "a-key-of-the-tests-0123456789"
AUDIENCE = "adclick-tests"
ROW = {"impression_id": "i1", "timestamp": "2026-01-01T12:00:00Z", "bid": 1.0, "site": "abc"}


class RsaPair(NamedTuple):
    """Private and public key, in PEM."""

    private: bytes
    public: bytes


def token(key: Any = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token that is good but for what `claims` say; a claim None is left out."""
    whole = {"sub": "client-a", "aud": AUDIENCE, "exp": time.time() + 600, **claims}
    present = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(present, key, algorithm=algorithm, headers=headers)


def gateway_config(server: str, **sections: Any) -> dict[str, Any]:
    """A gateway's settings for the tests' model, with a free port and short times."""
    config: dict[str, Any] = {
        "settings": "settings.yaml",
        "listen": {"port": 0, "drain_delay_s": 0.2},
        "upstream": {"server": server, "model_name": "click", "timeout_s": 5.0, "poll_s": 0.1},
        "jwt": {"hs256_secret_variable": "TEST_JWT_SECRET", "audience": AUDIENCE, "issuer": None, "leeway_s": 5},
    }
    for name, section in sections.items():
        config[name] = {**config.get(name, {}), **section} if isinstance(section, dict) else section
    return config


class GatewayProcess:
    """`python -m serving.gateway` on a free loopback port, with its lines of output as they come."""

    def __init__(self, folder: Path, config: dict[str, Any], environment: dict[str, str] | None = None) -> None:
        self.config_path = folder / "gateway.yaml"
        self.config_path.write_text(yaml.safe_dump(config))
        self.log_path = folder / "gateway.log"
        variables = {**os.environ, "TEST_JWT_SECRET": SECRET, "ADCLICK_PII_KEY": PII_KEY, **(environment or {})}
        command = [sys.executable, "-m", "serving.gateway", "--config", str(self.config_path)]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=REPOSITORY, env=variables
            )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.port = int(self.wait_for_line("listening on").split(",")[0].rpartition(":")[2])

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line.strip())
        self._lines.put(None)

    def wait_for_line(self, part: str, timeout_s: float = 60) -> str:
        """The next line that contains `part`; lines before it are dropped."""
        deadline = time.monotonic() + timeout_s
        while True:
            line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            assert line is not None, self.log_path.read_text()
            if part in line:
                return line

    def wait_until_ready(self, ready: bool = True, timeout_s: float = 60) -> None:
        """Returns when `/readyz` says so."""
        deadline = time.monotonic() + timeout_s
        while (self.http("GET", "/readyz")[0] == 200) != ready:
            assert time.monotonic() < deadline, f"/readyz did not become {ready}"
            time.sleep(0.05)

    def http(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """(status, parsed JSON or text, headers); bytes are sent as they are, all else as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            text = response.read()
            is_json = response.headers["content-type"] == "application/json"
            found = {name.lower(): value for name, value in response.headers.items()}
            return response.status, json.loads(text) if is_json else text.decode(), found
        finally:
            connection.close()

    def predict(self, body: object, bearer: str | None = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """`POST /v1/predict` with a good token, or the given one."""
        return self.http("POST", "/v1/predict", body, {"Authorization": f"Bearer {bearer or token()}", **headers})

    def metric(self, line: str) -> float:
        """The value behind a metric's name and labels, 0 where it is not there yet."""
        for each in self.http("GET", "/metrics")[1].splitlines():
            if each.startswith(line + " "):
                return float(each.rpartition(" ")[2])
        return 0.0

    def stop(self) -> int:
        """Ends the process as an operator would; its exit status."""
        self.process.terminate()
        return self.process.wait(40)
