"""The candidate, served by `python -m serving.model_server` in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from adclick.errors import AdclickError
from components.serving_canary import tied_process

ATTEMPTS = 3
"""A free port may be taken by another program before the server binds it."""
POLL_S = 0.02


class NotServedError(Exception):
    """The server did not take the candidate into service; the message says why."""


class CandidateServer:
    """Starts at `with`, on loopback; ended on the way out whatever happens, and its log printed."""

    def __init__(self, base_path: Path, model_name: str, start_timeout_s: float) -> None:
        """`base_path` holds one version; the log is written beside it."""
        self._base_path, self._model_name = base_path, model_name
        self._deadline = time.monotonic() + start_timeout_s
        self._start_timeout_s = start_timeout_s
        self._log = base_path.with_name(f"{base_path.name}.log")
        self._attempts_left = ATTEMPTS
        self._start()

    def _start(self) -> None:
        self._attempts_left -= 1
        self.grpc_port, self.rest_port = free_ports(2)
        flags = [f"--port={self.grpc_port}", f"--rest_api_port={self.rest_port}"]
        flags += [f"--model_name={self._model_name}", f"--model_base_path={self._base_path}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", tied_process.__name__, str(os.getpid()), "-m", "serving.model_server", *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
            )

    def wait_until_ready(self) -> None:
        """Raises NotServedError where it never is, AdclickError where it is killed or finds no port."""
        while not self._is_ready():
            status = self._process.poll()
            if status is None and time.monotonic() > self._deadline:
                raise NotServedError(f"the server was not ready within {self._start_timeout_s:g} s{self._last_line()}")
            if status is not None:
                self._start_again_or_raise(status)
            time.sleep(POLL_S)

    def _start_again_or_raise(self, status: int) -> None:
        if status < 0:
            why = ", most likely for want of memory: give it more" if status == -signal.SIGKILL else ""
            raise AdclickError(f"the candidate's server was ended by {signal.Signals(-status).name}{why}; run again")
        if all(_is_free(port) for port in (self.grpc_port, self.rest_port)):
            raise NotServedError(f"the server ended with status {status}{self._last_line()}")
        if not self._attempts_left:
            raise AdclickError("no free port stayed free until the candidate's server had bound it; run again")
        self._start()

    def _is_ready(self) -> bool:
        """As its own line on standard output says it."""
        lines = self._log.read_text("utf-8", "replace").splitlines()
        return any(line.startswith(f"adclick model server: model '{self._model_name}' version") for line in lines)

    def _last_line(self) -> str:
        lines = self._log.read_text("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"; its last line: {last[:400]}" if last else ""

    def __enter__(self) -> CandidateServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Nobody else asks this server, so there is nothing to drain. Its group holds what it may have started itself.
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        sys.stdout.write(self._log.read_text("utf-8", "replace"))  # into the component's log
        sys.stdout.flush()


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on at the moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
