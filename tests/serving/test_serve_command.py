"""`adclick serve`: what it refuses to start. (Serving itself: test_model_server.py.)"""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

import pytest

from serving import serve_command


def serve(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    serve_command.add_arguments(parser)
    return serve_command.run(parser.parse_args([str(argument) for argument in arguments]))


def test_defaults_are_loopback_and_tf_servings_ports() -> None:
    parser = argparse.ArgumentParser()
    serve_command.add_arguments(parser)
    args = parser.parse_args([])
    assert (args.output_root, args.model_name) == (Path("out"), "adclick")
    assert (args.port, args.rest_port, args.bind) == (8500, 8501, "127.0.0.1")


def test_a_missing_folder_or_version_is_status_2_with_the_way_to_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base_path = tmp_path / "serving" / "click"
    assert serve("--output-root", tmp_path, "--model-name", "click") == 2
    error = capsys.readouterr().err
    assert error.startswith(f"adclick serve: {base_path} does not exist; push a model first with `make run` or ")
    assert "run_local.py" in error
    base_path.mkdir(parents=True)
    assert serve("--output-root", tmp_path, "--model-name", "click") == 2
    assert f"{base_path} holds no version (a folder named by a number); push" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--port", "--rest-port"])
def test_a_taken_port_is_status_2_and_named(tmp_path: Path, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "serving" / "click" / "1").mkdir(parents=True)
    other = "--rest-port" if flag == "--port" else "--port"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert serve("--output-root", tmp_path, "--model-name", "click", flag, port, other, 0) == 2
    assert capsys.readouterr().err == (
        f"adclick serve: cannot listen on 127.0.0.1:{port}: Address already in use; stop what uses the port, "
        f"or give another one with {flag} (or, with --bind, another address)\n"
    )


def test_ports_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve("--port", 70000) == 2
    assert "--port 70000 is no port; give 1 to 65535, or 0 for none" in capsys.readouterr().err
    assert serve("--port", 9000, "--rest-port", 9000) == 2
    assert "--port and --rest-port are both 9000" in capsys.readouterr().err
