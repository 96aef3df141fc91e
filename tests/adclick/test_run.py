"""Arguments of `adclick run` that cannot be used end with status 2 and say what to do."""

from __future__ import annotations

import argparse
import fcntl
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from adclick import run
from adclick.errors import SettingsError

PROJECT = Path(__file__).parents[2]


def call(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    run.add_arguments(parser)
    return run.run(parser.parse_args([*arguments, "--no-progress"]))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_a_missing_data_folder_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call("--data-root", f"{tmp_path}/gone", "--output-root", f"{tmp_path}/out") == 2
    out, err = capfd.readouterr()
    assert err == (
        f"adclick: data.root: {tmp_path}/gone: no such folder; give the folder with the CSV files to --data-root, "
        "or draw a sample with `adclick simulate --output data/sample`\n"
    )
    assert out == "adclick: reading settings\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a: b", "2026", "#1", "null", "[x]", '"quoted"', "ünï\U0001f600", "back\\slash"])
def test_a_path_is_taken_as_it_is_typed(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """--set reads YAML; a folder's name must not be read that way."""
    assert call("--data-root", name, "--output-root", f"{tmp_path}/out") == 2
    assert capfd.readouterr().err.startswith(f"adclick: data.root: {name}: no such folder; ")


def test_an_output_folder_that_cannot_be_made_is_told(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = data.parent / "file"
    file.write_text("")
    assert call("--data-root", str(data), "--output-root", f"{file}/out") == 2
    assert capfd.readouterr().err == (
        f"adclick: output_root: {file}/out: cannot be written (Not a directory); "
        "give a folder of your own to --output-root\n"
    )


def test_a_second_run_on_the_same_output_folder_is_told(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    output = data.parent / "out"
    output.mkdir()
    with (output / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert call("--data-root", str(data), "--output-root", str(output)) == 2
    assert capfd.readouterr().err == (
        f"adclick: output_root: {output}: another run is using it; "
        "wait for it or give another folder to --output-root\n"
    )
    assert [child.name for child in output.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--config", "gone.yaml"], "gone.yaml: no such settings file; give the path of a YAML file to --config"),
        (["--set", "trainer.epoch=3"], "--set trainer.epoch=3: trainer.epoch: unknown key; did you mean 'epochs'?"),
        (
            ["--set", "anomalies.accept=[country]", "--accept", "device", "--accept", "device:DRFT"],
            "--accept device --accept device:DRFT: anomalies.accept names the anomaly type 'DRFT', which there is not; "
            "did you mean 'DRIFT'?",
        ),
        (["--data-root", "foo://bucket"], "foo://bucket: cannot be opened: Protocol not known: foo; give a local"),
    ],
)
def test_settings_that_cannot_be_used_are_told(
    arguments: list[str], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    assert capfd.readouterr().err.startswith(f"adclick: {told}")


def test_bad_input_is_told_in_a_moment_and_without_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys; from adclick.cli import main; "
        "status = main(['run', '--data-root', 'gone']); "
        "print('tensorflow' in sys.modules, 'apache_beam' in sys.modules); sys.exit(status)"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=30
    )
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1] == "False False"
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_says_how_to_go_on(
    data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_run", interrupt)
    assert call() == 130
    assert capfd.readouterr().err == ("adclick: interrupted; run the same command again to go on where it stopped\n")


def test_temporary_files_stay_in_the_output_folder_and_go_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/before")
    monkeypatch.delenv("KERAS_HOME", raising=False)
    kept = tempfile.tempdir
    folder = tmp_path / "out" / "tmp"
    with run._temporary_files_in(folder):
        assert os.environ["TMPDIR"] == os.environ["KERAS_HOME"] == str(folder)
        with tempfile.NamedTemporaryFile(delete=False) as stream:
            assert Path(stream.name).parent == folder
    assert os.environ["TMPDIR"] == "/before"
    assert "KERAS_HOME" not in os.environ
    assert tempfile.tempdir == kept
    assert not folder.exists()


def test_a_claim_is_given_back(tmp_path: Path) -> None:
    for _ in range(2):
        with (
            run._claimed(tmp_path),
            pytest.raises(SettingsError, match="another run is using it"),
            run._claimed(tmp_path),
        ):
            pass


@pytest.mark.parametrize("reason", ["", "  ", "---", "…"])
def test_forcing_a_blessing_needs_a_reason(data: Path, reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert call("--data-root", str(data), "--output-root", str(data / "out"), f"--force-bless={reason}") == 2
    assert capfd.readouterr().err.startswith("adclick: --force-bless: needs a reason, which is kept with the model: ")
    assert not (data / "out").exists()


def test_a_reason_is_kept_in_one_line() -> None:
    assert run.force_reason(" clicks of one\n day  are missing ") == "clicks of one day are missing"
    assert run.force_reason(None) == ""


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_baseline_server_that_does_not_answer_is_told_before_anything_runs(
    data: Path, scheme: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.served_model.status.CONNECT_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as held:
        url = f"{scheme}://127.0.0.1:{held.getsockname()[1]}"
    output = data.parent / "out"
    arguments = ("--data-root", str(data), "--output-root", str(output), "--set", f"evaluation.baseline={url}")
    assert call(*arguments) == 1
    error = capfd.readouterr().err
    assert error.startswith(f"adclick: evaluation.baseline: {url}: cannot tell which version is in service: no ")
    assert "start the server or correct the URL" in error
    assert not output.exists()
