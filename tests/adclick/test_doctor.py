"""Every check fed good and bad values, and the verb as a user runs it."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adclick import doctor, stack

GIB = 1024**3
PORTABLE = stack.PORTABLE


@pytest.mark.parametrize(
    ("finding", "name", "told"),
    [
        (
            doctor.check_python((3, 11, 4), PORTABLE),
            "Python",
            "3.11.4, the portable stack needs 3.10: `make setup` finds a Python 3.10 and builds "
            ".venv with it; then `.venv/bin/adclick doctor`",
        ),
        (
            doctor.check_glibc(("glibc", "2.17"), PORTABLE),
            "glibc",
            "glibc 2.17, the wheels need glibc >= 2.28: use Debian 10, Ubuntu 20.04, RHEL 8 or "
            "newer, or a container of one of them",
        ),
        (
            doctor.check_glibc(("", ""), PORTABLE),
            "glibc",
            "unknown C library, the wheels need glibc >= 2.28: use Debian 10, Ubuntu 20.04, RHEL 8 "
            "or newer, or a container of one of them",
        ),
        (
            doctor.check_distribution("protobuf", "4.25.8", "3.20.3"),
            "protobuf",
            "4.25.8, the stack has 3.20.3: `make setup` installs the lock into .venv",
        ),
        (
            doctor.check_distribution("tfx", None, "1.16.0"),
            "tfx",
            "not installed, the stack has 1.16.0: `make setup` installs the lock into .venv",
        ),
        (
            doctor.check_keras_flag({"TF_USE_LEGACY_KERAS": "0"}),
            "TF_USE_LEGACY_KERAS",
            "'0' asks for Keras 3, TensorFlow Transform needs Keras 2: `unset TF_USE_LEGACY_KERAS`",
        ),
        (
            doctor.check_disk(2 * GIB - GIB // 10, "/data"),
            "disk",
            "1.9 GiB free at /data, a run needs 2 GiB: free some, or name a roomier folder with --output-root",
        ),
        (
            doctor.check_memory(GIB),
            "memory",
            "1.0 GiB available, a run needs 4 GiB: end other programs, or raise the container's memory limit",
        ),
        (
            doctor.check_port(8500, False, "tensorflow_model_server (process 42)"),
            "port 8500 (gRPC)",
            "in use by tensorflow_model_server (process 42): end that process, or serve on another port",
        ),
        (
            doctor.check_port(8501, False, None),
            "port 8501 (REST)",
            "in use by a process of another user: end that process, or serve on another port",
        ),
        (
            doctor.check_temp_folder("/nowhere", "No such file or directory"),
            "temp folder",
            "/nowhere: No such file or directory: `export TMPDIR=` a folder you may write to",
        ),
        (
            doctor.check_import("tfx", "1.16.0", 0.0, "ImportError: libfoo.so"),
            "import tfx",
            "ImportError: libfoo.so: `rm -rf .venv && make setup` builds the environment anew",
        ),
        (
            doctor.check_keras_in_use("keras.src.models.model"),
            "tf.keras",
            "is package 'keras', TensorFlow Transform needs Keras 2: start the process with TF_USE_LEGACY_KERAS=1",
        ),
    ],
)
def test_faults_name_the_mend(finding, name, told):
    assert not finding.ok
    assert finding.line() == f"FAULT {name:<27} {told}"


@pytest.mark.parametrize(
    ("finding", "detail"),
    [
        (doctor.check_python((3, 10, 0), PORTABLE), "3.10.0"),
        (doctor.check_glibc(("glibc", "2.28"), PORTABLE), "2.28"),  # the bound itself
        (doctor.check_glibc(("glibc", "2.36.9000"), PORTABLE), "2.36.9000"),
        (doctor.check_distribution("tfx", "1.16.0", "1.16.0"), "1.16.0"),
        (doctor.check_keras_flag({}), "unset, adclick sets it"),
        (doctor.check_keras_flag({"TF_USE_LEGACY_KERAS": "True"}), "True"),
        (doctor.check_disk(2 * GIB, "/data"), "2.0 GiB free at /data"),
        (doctor.check_memory(4 * GIB), "4.0 GiB available"),
        (doctor.check_port(8500, True, None), "free"),
        (doctor.check_temp_folder("/tmp", None), "/tmp"),
        (doctor.check_import("tensorflow", "2.16.2", 2.96, None), "2.16.2, 3.0 s CPU"),
        (doctor.check_keras_in_use("tf_keras.src.engine.training"), "Keras 2 (tf_keras)"),
    ],
)
def test_good_values_pass(finding, detail):
    assert (finding.ok, finding.detail, finding.mend) == (True, detail, "")


def test_memory_is_the_smaller_of_machine_and_cgroup():
    meminfo = "MemTotal:       24000000 kB\nMemAvailable:   20000000 kB\n"
    machine = 20_000_000 * 1024
    assert doctor.memory_available_bytes(meminfo, None, None) == machine
    assert doctor.memory_available_bytes(meminfo, "max\n", "5\n") == machine
    assert doctor.memory_available_bytes(meminfo, f"{8 * GIB}\n", f"{3 * GIB}\n") == 5 * GIB  # 8 - 3
    assert doctor.memory_available_bytes(meminfo, f"{GIB}\n", f"{2 * GIB}\n") == 0  # over its limit


def test_a_port_in_use_names_its_holder():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not doctor.port_is_free(port)
        assert doctor.port_holder(port).endswith(f"(process {os.getpid()})")
    assert doctor.port_is_free(port)
    assert doctor.port_holder(port) is None


def test_disk_is_that_of_the_nearest_folder_that_exists(tmp_path):
    assert doctor.nearest_existing(tmp_path / "not" / "yet") == tmp_path


def run_doctor(*arguments: str, **environ: str) -> subprocess.CompletedProcess:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-m", "adclick.cli", "doctor", *arguments],
        cwd=root,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.alone
def test_verb_reports_faults_with_status_1_in_about_a_second():
    started_s = time.monotonic()
    shown = run_doctor(TF_USE_LEGACY_KERAS="0", TMPDIR="/no/such/folder")
    assert time.monotonic() - started_s < 3  # heavy imports would take longer; a busy machine is allowed for
    assert shown.returncode == 1
    assert "ok    tensorflow                  2.16.2\n" in shown.stdout
    assert "FAULT TF_USE_LEGACY_KERAS         '0' asks for Keras 3" in shown.stdout
    assert "FAULT temp folder                 /no/such/folder: No such file or directory" in shown.stdout
    assert shown.stdout.splitlines()[-1].endswith("each with its mend above")
    assert shown.stderr == ""


def test_status_is_0_when_nothing_is_wrong(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "inspect_machine", lambda _root: iter([doctor.Finding("disk", True, "roomy")]))
    parser = doctor.argparse.ArgumentParser()
    doctor.add_arguments(parser)
    assert doctor.run(parser.parse_args([])) == 0
    assert capsys.readouterr().out == "ok    disk                        roomy\n"


def test_deep_imports_the_stack_in_silence():
    shown = run_doctor("--deep", "--output-root", "s3://bucket/runs")
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    told = {name: [line for line in lines if line.startswith(f"ok {name} ")] for name in ("import", "tf.keras", "disk")}
    starts = ["ok import tensorflow 2.16.2, ", "ok import apache-beam 2.65.0, ", "ok import tfx 1.16.0, "]
    assert [line.startswith(start) for line, start in zip(told["import"], starts, strict=True)] == [True] * 3
    assert told["tf.keras"] == ["ok tf.keras Keras 2 (tf_keras)"]
    assert told["disk"] == []  # a bucket has no disk to run out of
    assert shown.stderr == ""
