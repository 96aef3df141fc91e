"""`adclick doctor`: is this machine, with what is installed on it, fit to run adclick; if not, what mends it.

Each check is a plain function of the values it judges; `inspect_machine` reads those values. Only `--deep`
imports TensorFlow and its like.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from adclick import stack as stacks

GIB = 1024**3
DISK_MIN_GIB = 2.0
MEMORY_MIN_GIB = 4.0
SERVING_PORTS = {8500: "gRPC", 8501: "REST"}  # TF Serving's own defaults
# Modules whose import proves a part of the stack; not `tfx.v1`, which loads Google's cloud libraries too.
DEEP_MODULES = {
    "tensorflow": "tensorflow",
    "apache-beam": "apache_beam",
    "tfx": "tfx.dsl.components.base.base_component",
}


@dataclass(frozen=True)
class Finding:
    """Outcome of one check; `mend` is what to do about a fault and is empty when the check passed."""

    name: str
    ok: bool
    detail: str
    mend: str = ""

    def line(self) -> str:
        """The finding as one line for a terminal."""
        status = "ok   " if self.ok else "FAULT"
        mend = f": {self.mend}" if self.mend else ""
        return f"{status} {self.name:<27} {self.detail}{mend}"


def check_python(version: tuple[int, int, int], stack: stacks.Stack) -> Finding:
    """Is the running Python the one of the stack."""
    found = ".".join(map(str, version))
    wanted = ".".join(map(str, stack.python))
    if version[:2] == stack.python:
        return Finding("Python", True, found)
    mend = f"`make setup` finds a Python {wanted} and builds .venv with it; then `.venv/bin/adclick doctor`"
    return Finding("Python", False, f"{found}, the {stack.name} stack needs {wanted}", mend)


def check_glibc(libc: tuple[str, str], stack: stacks.Stack) -> Finding:
    """Is the C library new enough for the wheels; `libc` as `platform.libc_ver()` gives it."""
    name, version = libc
    wanted = ".".join(map(str, stack.glibc_min))
    if name == "glibc" and tuple(int(part) for part in version.split(".")[:2]) >= stack.glibc_min:
        return Finding("glibc", True, version)
    found = f"{name or 'unknown C library'} {version}".strip()
    mend = "use Debian 10, Ubuntu 20.04, RHEL 8 or newer, or a container of one of them"
    return Finding("glibc", False, f"{found}, the wheels need glibc >= {wanted}", mend)


def check_distribution(name: str, installed: str | None, pinned: str) -> Finding:
    """Is one distribution of the stack installed in exactly the version of the stack table."""
    if installed == pinned:
        return Finding(name, True, pinned)
    detail = f"not installed, the stack has {pinned}" if installed is None else f"{installed}, the stack has {pinned}"
    return Finding(name, False, detail, "`make setup` installs the lock into .venv")


def check_keras_flag(environ: Mapping[str, str]) -> Finding:
    """Does the environment contradict the Keras that the stack needs."""
    if stacks.keras_flag_fault(environ) is None:
        value = environ.get(stacks.KERAS_FLAG)
        return Finding(stacks.KERAS_FLAG, True, value if value is not None else "unset, adclick sets it")
    detail = f"{environ[stacks.KERAS_FLAG]!r} asks for Keras 3, TensorFlow Transform needs Keras 2"
    return Finding(stacks.KERAS_FLAG, False, detail, f"`unset {stacks.KERAS_FLAG}`")


def check_disk(free_bytes: int, folder: str) -> Finding:
    """Is there room for a run's artifacts under the output root."""
    detail = f"{free_bytes / GIB:.1f} GiB free at {folder}"
    if free_bytes >= DISK_MIN_GIB * GIB:
        return Finding("disk", True, detail)
    mend = "free some, or name a roomier folder with --output-root"
    return Finding("disk", False, f"{detail}, a run needs {DISK_MIN_GIB:g} GiB", mend)


def check_memory(available_bytes: int) -> Finding:
    """Is there memory for TensorFlow, Beam and the evaluation in one process."""
    detail = f"{available_bytes / GIB:.1f} GiB available"
    if available_bytes >= MEMORY_MIN_GIB * GIB:
        return Finding("memory", True, detail)
    mend = "end other programs, or raise the container's memory limit"
    return Finding("memory", False, f"{detail}, a run needs {MEMORY_MIN_GIB:g} GiB", mend)


def check_port(port: int, free: bool, holder: str | None) -> Finding:
    """Is a serving port free; `holder` names the process that has it, where that may be known."""
    name = f"port {port} ({SERVING_PORTS.get(port, 'other')})"
    if free:
        return Finding(name, True, "free")
    mend = "end that process, or serve on another port"
    return Finding(name, False, f"in use by {holder or 'a process of another user'}", mend)


def check_temp_folder(folder: str, error: str | None) -> Finding:
    """Is the folder for temporary files writable; `error` is what writing to it said."""
    if error is None:
        return Finding("temp folder", True, folder)
    return Finding("temp folder", False, f"{folder}: {error}", "`export TMPDIR=` a folder you may write to")


def check_import(name: str, version: str, cpu_s: float, error: str | None) -> Finding:
    """Did the import of one part of the stack succeed."""
    if error is None:
        return Finding(f"import {name}", True, f"{version}, {cpu_s:.1f} s CPU")
    return Finding(f"import {name}", False, error, "`rm -rf .venv && make setup` builds the environment anew")


def check_keras_in_use(model_module: str) -> Finding:
    """Is `tf.keras`, once imported, Keras 2; `model_module` is the module that defines `tf.keras.Model`."""
    package = model_module.split(".")[0]
    if package == "tf_keras":
        return Finding("tf.keras", True, "Keras 2 (tf_keras)")
    mend = f"start the process with {stacks.KERAS_FLAG}=1"
    return Finding("tf.keras", False, f"is package {package!r}, TensorFlow Transform needs Keras 2", mend)


def nearest_existing(folder: Path) -> Path:
    """The folder itself or the nearest one above it that exists: a run makes the rest."""
    absolute = folder.absolute()
    return next(path for path in (absolute, *absolute.parents) if path.exists())


def port_is_free(port: int) -> bool:
    """Can loopback `port` be bound; a port in TIME_WAIT counts as free, as it does for a server."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def port_holder(port: int) -> str | None:
    """`name (process id)` of the listener on `port`, None where it is another user's or cannot be known."""
    try:
        import psutil  # a broken environment may lack it, and the doctor must answer there too
    except ImportError:
        return None
    try:
        for connection in psutil.net_connections("tcp"):
            listening = connection.status == psutil.CONN_LISTEN
            if listening and connection.laddr and connection.laddr.port == port and connection.pid is not None:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        return None
    return None


def memory_available_bytes(meminfo: str, cgroup_max: str | None, cgroup_current: str | None) -> int:
    """Smaller of what /proc/meminfo calls available and what the cgroup (v2) leaves, in bytes.

    Arguments are the contents of /proc/meminfo, memory.max and memory.current; the last two are None outside
    a cgroup.
    """
    field = next(line for line in meminfo.splitlines() if line.startswith("MemAvailable:"))
    available = int(field.split()[1]) * 1024
    if cgroup_max is None or cgroup_current is None or cgroup_max.strip() == "max":
        return available
    return min(available, max(0, int(cgroup_max) - int(cgroup_current)))


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError:
        return None


def _temp_folder_error() -> tuple[str, str | None]:
    # tempfile.gettempdir() moves on to the next folder in silence, so the one asked for is tried itself.
    folder = os.environ.get("TMPDIR") or tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"adclick")
    except OSError as error:
        return folder, error.strerror or str(error)
    return folder, None


def inspect_machine(output_root: str) -> Iterator[Finding]:
    """Cheap findings of this machine and environment; a remote `output_root` (gs://, s3://) has no disk."""
    stack = stacks.PORTABLE
    yield check_python(sys.version_info[:3], stack)
    yield check_glibc(platform.libc_ver(), stack)
    for name, installed in stacks.installed_versions(stack.pins).items():
        yield check_distribution(name, installed, stack.pins[name])
    yield check_keras_flag(os.environ)
    if "://" not in output_root:
        folder = nearest_existing(Path(output_root))
        yield check_disk(shutil.disk_usage(folder).free, str(folder))
    cgroup = "/sys/fs/cgroup/memory"
    meminfo = _read("/proc/meminfo")
    if meminfo is not None:
        yield check_memory(memory_available_bytes(meminfo, _read(f"{cgroup}.max"), _read(f"{cgroup}.current")))
    yield check_temp_folder(*_temp_folder_error())
    for port in SERVING_PORTS:
        free = port_is_free(port)
        yield check_port(port, free, None if free else port_holder(port))


def inspect_imports() -> Iterator[Finding]:
    """Findings of importing the heavy parts, each with the CPU seconds it took on top of those before it."""
    # TensorFlow's wheel logs three errors about CUDA plugins on every import; a failed import still raises.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        stacks.prepare_environment()
    except stacks.StackError as error:
        yield check_import("the stack", "", 0.0, str(error))
        return
    versions = stacks.installed_versions(DEEP_MODULES)
    for distribution, module in DEEP_MODULES.items():
        started_s = time.process_time()
        fault = None
        try:
            importlib.import_module(module)
        except Exception as error:  # a broken binary fails with whatever its loader raises
            fault = f"{type(error).__name__}: {error}".splitlines()[0]
        yield check_import(distribution, versions[distribution] or "?", time.process_time() - started_s, fault)
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None:
        yield check_keras_in_use(tensorflow.keras.Model.__module__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--output-root", default="out", help="where runs write to; its disk is checked (default: out)")
    parser.add_argument("--deep", action="store_true", help="import TensorFlow, Beam and TFX too (some ten seconds)")


def run(args: argparse.Namespace) -> int:
    """Print one line per check; 0 when all passed, 1 when any did not."""
    faults = 0
    for inspection in (inspect_machine(args.output_root), inspect_imports() if args.deep else ()):
        for finding in inspection:
            print(finding.line(), flush=True)
            faults += not finding.ok
    if faults:
        print(f"{faults} fault{'s' if faults > 1 else ''}, each with its mend above")
    return 1 if faults else 0
