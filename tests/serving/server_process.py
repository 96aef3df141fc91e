"""A model server in a process of its own, and plain HTTP to it."""

from __future__ import annotations

import http.client
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loopback_ports import free_ports

REPOSITORY = Path(__file__).resolve().parents[2]


class ServerProcess:
    """`python -m serving.model_server` on loopback, with its lines of output as they come."""

    def __init__(self, base_path: Path, *flags: str) -> None:
        self.grpc_port, self.rest_port = free_ports(2)
        command = [
            sys.executable, "-m", "serving.model_server",
            "--model_name=click", f"--model_base_path={base_path}",
            f"--port={self.grpc_port}", f"--rest_api_port={self.rest_port}",
            "--file_system_poll_wait_seconds=0.2", *flags,
        ]  # fmt: skip
        self.log_path = base_path.parent / f"{base_path.name}.log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=REPOSITORY)
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line.strip())

    def wait_for_line(self, part: str, timeout_s: float = 60) -> str:
        """The next line that contains `part`; lines before it are dropped."""
        deadline = time.monotonic() + timeout_s
        while True:
            line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            if part in line:
                return line

    def stop(self) -> int:
        """Ends the process as an operator would; its exit status."""
        self.process.terminate()
        return self.process.wait(40)

    def rest(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """(HTTP status, parsed JSON, headers); bytes and iterators are sent as they are, all else as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.rest_port, timeout=30)
        try:
            as_it_is = body is None or isinstance(body, (bytes, Iterator))
            data: Any = body if as_it_is else json.dumps(body).encode()
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            return response.status, json.loads(response.read()), dict(response.headers.items())
        finally:
            connection.close()
