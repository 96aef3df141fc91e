"""What credentials, permissions and the network cause is told with URI and fix, soon, and without a trace."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gcs_emulator import GcsEmulator
from store_servers import Store

from adclick.errors import SettingsError
from adclick.filesystem import is_folder, open_binary, read_bytes, require_writable, write_bytes
from adclick.stores import explanation, locate

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("variables", "beginning"),
    [
        ({"AWS_ENDPOINT_URL": "http://minio:9000"}, "http://minio:9000/ads/key?"),  # no bucket.minio to be resolved
        ({"AWS_ENDPOINT_URL": "http://x", "AWS_ENDPOINT_URL_S3": "https://minio:9000"}, "https://minio:9000/ads/key?"),
        ({}, "https://ads.s3.amazonaws.com/key?"),
    ],
)
def test_an_endpoint_of_your_own_is_asked_by_path(
    variables: dict[str, str], beginning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", **variables}.items():
        monkeypatch.setenv(name, value)
    files, path = locate("s3://ads/key")
    assert files.url(path).startswith(beginning)


def test_an_endpoint_that_is_no_url_is_told_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not a url")
    with pytest.raises(
        SettingsError, match=r"^s3://ads/data: cannot be used \(.*check the URI, AWS_ENDPOINT_URL_S3, AWS"
    ):
        is_folder("s3://ads/data")


@pytest.fixture
def closed_port() -> int:
    """Of a server that is gone."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_missing_bucket_is_named(store: Store) -> None:
    missing = f"{store.scheme}://no-such-bucket-here/data"
    for look in (is_folder, require_writable):
        with pytest.raises(SettingsError) as raised:
            look(missing)
        assert str(raised.value) == (
            f"{missing}: there is no bucket 'no-such-bucket-here'; create it or correct the URI"
        )


@pytest.mark.parametrize("uri", ["s3://", "gs:///"])
def test_a_uri_without_a_bucket_is_refused(uri: str) -> None:
    with pytest.raises(SettingsError, match=r"names no bucket; write it as .*://bucket/folder"):
        locate(uri)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"ftq://x: cannot be opened: .*give a local folder, gs:// or s3://"):
        is_folder("ftq://x")


def test_access_denied_on_gcs(gcs_server: GcsEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.endpoint)
    gcs_server.forbidden.add("private")
    for work in (is_folder, read_bytes, require_writable, lambda uri: write_bytes(uri, b""), open_binary):
        with pytest.raises(SettingsError) as raised:
            work("gs://private/x")
        assert str(raised.value).startswith("gs://private/x: access denied (")
        assert "GOOGLE_APPLICATION_CREDENTIALS" in str(raised.value)


def test_access_denied_on_s3(s3_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """moto checks signatures and policies once it is told to; none of its users may then do anything."""
    import json
    import urllib.request

    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    address = f"{s3_server['AWS_ENDPOINT_URL']}/moto-api/reset-auth"

    def free_actions(number: str) -> None:
        request = urllib.request.Request(address, number.encode(), {"Content-Type": "text/plain"})
        assert json.load(urllib.request.urlopen(request))

    free_actions("0")
    try:
        for work in (is_folder, read_bytes, require_writable):
            with pytest.raises(SettingsError) as raised:
                work("s3://private/x")
            assert str(raised.value).startswith("s3://private/x: access denied (")
            assert "AWS_ACCESS_KEY_ID" in str(raised.value)
    finally:
        free_actions("Infinity")


def test_a_server_that_is_gone_is_told_in_time(closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"127.0.0.1:{closed_port}")
    monkeypatch.setattr("adclick.stores.FIRST_ANSWER_TIMEOUT_S", 4)
    for uri, variable in (("s3://ads/data", "AWS_ENDPOINT_URL"), ("gs://ads/data", "STORAGE_EMULATOR_HOST")):
        started = time.monotonic()
        with pytest.raises(SettingsError) as raised:
            is_folder(uri)
        assert time.monotonic() - started < 8
        assert str(raised.value).startswith(f"{uri}: the store does not answer (")
        assert variable in str(raised.value)


def test_a_server_that_never_answers_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adclick.stores.FIRST_ANSWER_TIMEOUT_S", 1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(SettingsError, match=r"gs://ads/data: the store does not answer \(nothing within 1 s\)"):
            is_folder("gs://ads/data")


def run_with(data_root: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`adclick run` in a process that has no credentials but those given."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GOOGLE_", "STORAGE_"))}
    shell |= {
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_GCE_CHECK": "true",  # google.auth would look for a metadata server
        "PYTHONPATH": str(PROJECT),
        **environment,
    }
    command = [sys.executable, "run_local.py", "--data-root", data_root, "--output-root", str(tmp_path / "out")]
    return subprocess.run(command, cwd=PROJECT, env=shell, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("uri", "variable"), [("s3://ads/data", "AWS_ACCESS_KEY_ID"), ("gs://ads/data", "GOOGLE_APPLICATION_CREDENTIALS")]
)
def test_without_credentials_a_run_ends_with_one_line(uri: str, variable: str, tmp_path: Path) -> None:
    done = run_with(uri, tmp_path, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert done.returncode == 2
    assert done.stderr.startswith(f"adclick: {uri}: no usable credentials (")
    assert variable in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_error_of_another_kind_is_not_explained() -> None:
    assert explanation("s3", ValueError("x")) is None
    assert explanation("gs", FileNotFoundError("x")) is None


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"]])
def test_no_store_is_imported_before_a_uri_asks(command: list[str]) -> None:
    code = (
        "import sys, contextlib\n"
        "from adclick.cli import main\n"
        f"with contextlib.suppress(SystemExit): main({command!r})\n"
        "import adclick.filesystem as f; f.exists('/')\n"
        "print(sorted({'s3fs', 'gcsfs', 'aiohttp', 'botocore', 'google.auth'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
