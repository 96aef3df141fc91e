"""The servers under load, each in processes of its own: started, waited for, their CPU and memory read, ended."""

from __future__ import annotations

import contextlib
import http.client
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psutil

from benchmarks.peers.load_client import Load

MODEL_NAME = "adclick"
_START_S = 180.0
PEERS: Mapping[str, Sequence[str]] = {
    "flask_sync": ("--worker-class", "sync", "--workers", "2"),
    "flask_threads": ("--worker-class", "gthread", "--workers", "2", "--threads", "16", "--keep-alive", "60"),
}
"""gunicorn's flags: as its documents start (a worker for each core), and threads with connections kept open."""


@dataclass(frozen=True)
class Target:
    """A running server."""

    name: str
    pid: int
    rest_port: int
    rest_path: str
    grpc_port: int = 0

    def cpu_s(self) -> float:
        """CPU seconds of the process and its children so far."""
        parent = psutil.Process(self.pid)
        total = 0.0
        for process in [parent, *parent.children(recursive=True)]:
            times = process.cpu_times()
            total += times.user + times.system
        return total

    def rss_mb(self) -> float:
        """Resident memory of the process and its children."""
        parent = psutil.Process(self.pid)
        return sum(one.memory_info().rss for one in [parent, *parent.children(recursive=True)]) / 1e6


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextlib.contextmanager
def model_server(base_path: Path, *flags: str) -> Iterator[Target]:
    """Our server on the versions below `base_path`."""
    grpc_port, rest_port = free_ports(2)
    command = [
        sys.executable, "-m", "serving.model_server", f"--model_name={MODEL_NAME}", f"--model_base_path={base_path}",
        f"--port={grpc_port}", f"--rest_api_port={rest_port}", *flags,
    ]  # fmt: skip
    path = f"/v1/models/{MODEL_NAME}:predict"
    with _running(command, rest_port, f"/v1/models/{MODEL_NAME}") as pid:
        yield Target("adclick", pid, rest_port, path, grpc_port)


@contextlib.contextmanager
def gateway(config: Path, environment: Mapping[str, str]) -> Iterator[Target]:
    """Our gateway with a settings file, which leaves the port open; given out when the model is in service."""
    (port,) = free_ports(1)
    command = [
        sys.executable, "-m", "serving.gateway", "--config", str(config), "--set", f"listen.port={port}",
        "--set", "listen.drain_delay_s=0",
    ]  # fmt: skip
    with _running(command, port, "/readyz", environment, wanted_status=200) as pid:
        yield Target("gateway", pid, port, "/v1/predict")


@contextlib.contextmanager
def flask_peer(name: str, saved_model: Path) -> Iterator[Target]:
    """Flask under gunicorn, with the flags that `PEERS` has for `name`."""
    (port,) = free_ports(1)
    command = [
        sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--timeout", "300", "--log-level", "error",
        *PEERS[name], "benchmarks.peers.flask_app:app",
    ]  # fmt: skip
    with _running(command, port, "/", {"ADCLICK_BENCHMARK_MODEL": str(saved_model)}) as pid:
        yield Target(name, pid, port, "/predict")


@contextlib.contextmanager
def _running(
    command: Sequence[str],
    port: int,
    path: str,
    environment: Mapping[str, str] | None = None,
    wanted_status: int | None = None,
) -> Iterator[int]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
        try:
            _wait_for_reply(process, port, path, wanted_status)
            yield process.pid
        except RuntimeError:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace")[-3000:])
            raise
        finally:
            process.terminate()
            process.wait(60)


def _wait_for_reply(process: subprocess.Popen[bytes], port: int, path: str, wanted_status: int | None) -> None:
    """Until any HTTP reply comes, or one of a status: servers with a model listen when it is loaded."""
    end_s = time.monotonic() + _START_S
    while time.monotonic() < end_s:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with status {process.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            if wanted_status in (None, response.status):
                return
        except (OSError, http.client.HTTPException):
            pass  # not yet
        finally:
            connection.close()
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} did not answer within {_START_S:.0f} s")


def under_load(target: Target, load: Load) -> dict[str, Any]:
    """The client's figures, and the server's CPU seconds for each 1,000 requests that it answered."""
    with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
        file.write(pickle.dumps(load))
        file.flush()
        before_s = target.cpu_s()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.peers.load_client", file.name], capture_output=True, check=False
        )
        used_s = target.cpu_s() - before_s
    if done.returncode:
        raise RuntimeError(f"the load client failed: {done.stderr.decode()[-2000:]}")
    figures: dict[str, Any] = orjson.loads(done.stdout)
    figures["server_cpu_s"] = round(used_s, 3)
    return figures
