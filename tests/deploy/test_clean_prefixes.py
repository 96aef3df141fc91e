"""Each entry point of the images runs from the wheel and the image's own lock, with nothing else to import."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
import zipfile
from email.parser import Parser
from pathlib import Path

import yaml
from dockerfiles import ROOT, chain, context_files, read_dockerfile

SECRET = "0123456789" * 4  # signs nothing that counts


def program(prefix: Path, *words: str, cwd: Path) -> subprocess.Popen[str]:
    """Without this environment's packages (-S), this user's, and this repository."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "PYTHONPATH": str(prefix),
        "ADCLICK_JWT_SECRET": SECRET,
    }
    return subprocess.Popen(
        [sys.executable, "-S", "-s", *words], cwd=cwd, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def output(prefix: Path, *words: str, cwd: Path, status: int = 0) -> str:
    process = program(prefix, *words, cwd=cwd)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == status, text
    return text


def entry_point(image: str, target: str) -> list[str]:
    """The image's command, behind `python`."""
    found = [
        each
        for stage in chain(read_dockerfile(ROOT / "deploy" / "images" / image), target)
        for each in stage.instructions
    ]
    words = next(each.words() for each in found if each.name == "ENTRYPOINT")
    assert words[0] == "python"
    return words[1:]


def test_nothing_of_this_repository_or_environment_is_there(gateway_prefix: Path, tmp_path: Path) -> None:
    text = output(
        gateway_prefix, "-c", "import serving; print(serving.__file__); import tensorflow", cwd=tmp_path, status=1
    )
    assert f"{gateway_prefix}/serving/__init__.py" in text
    assert "No module named 'tensorflow'" in text


def test_the_gateway_serves(gateway_prefix: Path, tmp_path: Path) -> None:
    """With the settings of the compose file, but for the address, and the health check of the image."""
    settings = yaml.safe_load((ROOT / "deploy" / "compose" / "gateway.yaml").read_text(encoding="utf-8"))
    settings["listen"] = {"port": 0}
    settings["upstream"]["server"] = "127.0.0.1:1"
    settings["enrichment"]["store"] = "memory"
    settings["request_log"]["folder"] = str(tmp_path / "requests")
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(settings))
    (tmp_path / "settings.yaml").write_bytes((ROOT / "configs" / "base.yaml").read_bytes())
    process = program(
        gateway_prefix, *entry_point("gateway.Dockerfile", "gateway"), "--config", "gateway.yaml", cwd=tmp_path
    )
    try:
        assert process.stdout
        line = next((line for line in process.stdout if "listening on" in line), "")
        port = line.split(",")[0].rpartition(":")[2]
        stages = chain(read_dockerfile(ROOT / "deploy" / "images" / "gateway.Dockerfile"), "gateway")
        check = next(each for stage in stages for each in stage.all("HEALTHCHECK")).words()
        assert check[0] == "python"
        subprocess.run([sys.executable, *(word.replace("8080", port) for word in check[1:])], check=True, timeout=20)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as reply:
            assert b"adclick_gateway_ready 0.0" in reply.read()
    finally:
        process.terminate()
        process.communicate(timeout=40)
    assert process.returncode == 0


def test_every_import_of_the_gateway_is_locked(gateway_prefix: Path, tmp_path: Path) -> None:
    """Redis, RS256 keys, images and the request log are imported when they are first needed."""
    modules = sorted(
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for path in (ROOT / "serving" / "gateway").glob("*.py")
    )
    lazy = ["redis.asyncio", "PIL.Image", "aiohttp", "cryptography.hazmat.primitives.serialization", "google_crc32c",
            "grpc.aio", "uvicorn.protocols.http.httptools_impl"]  # fmt: skip
    names = [name for name in modules if not name.endswith("__main__")] + lazy
    output(
        gateway_prefix,
        "-c",
        "import importlib, sys; [importlib.import_module(n) for n in sys.argv[1:]]",
        *names,
        cwd=tmp_path,
    )


def test_the_replica_brings_a_model(replica_prefix: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "7").mkdir(parents=True)
    (source / "7" / "saved_model.pb").write_text("graph")
    command = [*entry_point("gateway.Dockerfile", "replica"), "--target", str(target)]
    assert "version 7 is in" in output(replica_prefix, *command, "--source", str(source), "--once", cwd=tmp_path)
    assert (target / "7" / "saved_model.pb").read_text() == "graph"
    output(replica_prefix, *command, "--check", "60", cwd=tmp_path)
    output(replica_prefix, "-c", "import s3fs, gcsfs, aiobotocore.session", cwd=tmp_path)


def test_the_wheel_holds_what_the_steps_start(wheel: Path, tmp_path: Path) -> None:
    """The other packages of the steps' image are this environment's, which test_locks.py holds against the lock."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "prefix")
        names = set(archive.namelist())
        metadata = Parser().parsestr(archive.read(next(name for name in names if name.endswith("/METADATA"))).decode())
    assert metadata["Name"] == "adclick"
    data = {
        name for name in context_files() if name.startswith(("configs/", "components/")) and not name.endswith(".py")
    }
    assert len(data) > 10
    assert data | {"run_local.py"} <= names
    # The environment's own editable install of adclick comes after PYTHONPATH.
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "prefix")}
    command = [sys.executable, "-c", "import adclick.cli as c; print(c.__file__); c.main(['--help'])"]
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert told.stdout.startswith(str(tmp_path / "prefix")), told.stderr
    assert "simulate" in told.stdout
