from __future__ import annotations

import argparse
import csv
import io
import json
from pathlib import Path

import pytest
from click_model import probability
from loopback_ports import free_ports
from server_process import ServerProcess

from serving import predict_command


def predict(server: ServerProcess | int, *arguments: object) -> int:
    parser = argparse.ArgumentParser()
    predict_command.add_arguments(parser)
    port = server if isinstance(server, int) else server.rest_port
    flags = ["--model-name", "click", "--server", f"127.0.0.1:{port}"]
    return predict_command.run(parser.parse_args([*flags, *map(str, arguments)]))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.csv"
    file.write_text('bid,site,clicked\n0.5,news,1\n,"a\nb",0\n')
    return file


def test_csv_rows_become_a_table_with_the_version(
    server: ServerProcess, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(server, rows) == 0
    first, second = probability(3, 0.5, "news"), probability(3, site="a\nb")
    assert capsys.readouterr().out.splitlines() == [
        "   row  click probability  model version",
        f"     1  {first:>17.6f}  3",
        f"     2  {second:>17.6f}  3",
    ]


def test_grpc_gives_the_same(server: ServerProcess, rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict(server, rows, "--format", "csv") == 0
    over_rest = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert predict(server.grpc_port, rows, "--grpc", "--format", "csv") == 0
    assert list(csv.DictReader(io.StringIO(capsys.readouterr().out))) == over_rest
    assert [row["model_version"] for row in over_rest] == ["3", "3"]


def test_batches_limits_and_json(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps({"hour": hour}) for hour in range(150)))
    assert predict(server, file, "--format", "json", "--limit", 130) == 0  # 64 + 64 + 2
    answers = json.loads(capsys.readouterr().out)
    assert [answer["row"] for answer in answers] == list(range(1, 131))
    assert [answer["click_probability"] for answer in answers] == pytest.approx(
        [probability(3, hour=hour) for hour in range(130)], abs=1e-6
    )


def test_images_are_sent_and_a_missing_one_is_warned_of(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ads").mkdir()
    (tmp_path / "ads/new.png").write_bytes(b"x" * 500)
    file = tmp_path / "rows.json"
    file.write_text('[{"bid": 0, "image_path": "ads/new.png"}, {"bid": 0, "image_path": "ads/gone.png"}]')
    assert predict(server, file, "--image-root", tmp_path, "--format", "json") == 0
    printed = capsys.readouterr()
    assert [answer["click_probability"] for answer in json.loads(printed.out)] == pytest.approx(
        [probability(3, 0.0, image_bytes=b"x" * 500), probability(3, 0.0)], abs=1e-6
    )
    assert printed.err == (
        f"adclick predict: {file}, row 2, field 'image_path', value 'ads/gone.png': "
        f"no file {tmp_path}/ads/gone.png; sent without image\n"
    )


def test_images_of_a_model_without_them_are_warned_of(
    server: ServerProcess, rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(server, rows, "--image-root", tmp_path, "--image-feature", "banner") == 0
    assert "the model has no input 'banner_bytes': images are not sent" in capsys.readouterr().err


def test_a_bad_value_names_file_line_and_field(
    server: ServerProcess, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with rows.open("a") as file:
        file.write("abc,x,0\n")
    assert predict(server, rows) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(
        f"adclick predict: {rows}, line 5, field 'bid', value 'abc': not a number; give one such as 12.5"
    )


def test_no_server_is_a_failure_with_the_way_to_start_one(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (port,) = free_ports(1)
    assert predict(port, rows) == 1
    error = capsys.readouterr().err
    assert f"no answer from http://127.0.0.1:{port}: " in error
    assert error.endswith("; start one with `adclick serve`\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--limit", "0"], "--limit 0 is not positive; leave it out for all rows"),
        (["--timeout-s", "-1"], "timeout_s -1.0 is not positive"),
        (["--image-root", "absent"], "--image-root absent is no folder"),
        (["--retries", "-1"], "retries -1 is too small; give 0 or more"),
        (["--server", "8501"], "server '8501' is not host:port"),
    ],
)
def test_bad_arguments_are_status_2(
    rows: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(1, rows, *flags) == 2
    assert message in capsys.readouterr().err


def test_creatives_are_flagged_and_an_unreadable_image_is_named(
    status_server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second image does not decode: its row is answered as an unknown creative."""
    (tmp_path / "new.png").write_bytes(b"png")
    (tmp_path / "broken.png").write_bytes(b"bad")
    (tmp_path / "known.png").write_bytes(b"png")
    file = tmp_path / "rows.csv"
    file.write_text("bid,image_path\n0,new.png\n0,broken.png\n0,known.png\n")
    assert predict(status_server, file, "--image-root", tmp_path) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "   row  click probability  model version  creative",
        "     1           0.500000  4              image",
        "     2           0.500000  4              unreadable",
        "     3           0.500000  4              known",
    ]
    assert printed.err == (
        f"adclick predict: {file}, line 3, field 'image_path', value 'broken.png': "
        "the model cannot read the image; predicted as an unknown creative\n"
    )
    assert predict(status_server, file, "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["creative"] for row in rows] == ["unknown", "unknown", "known"]
    assert predict(status_server, file, "--format", "json", "--limit", 1, "--model-version", 4) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer == {"row": 1, "click_probability": 0.5, "model_version": 4, "creative": "unknown"}


def test_a_row_that_the_server_refuses_is_named(
    status_server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("bid,site\n" + "0,news\n" * 10 + "0,poison\n")
    assert predict(status_server, file) == 2
    assert capsys.readouterr().err.startswith(f"adclick predict: {file}, line 12: the server answered 400: ")


def test_an_unknown_version_is_the_servers_error(
    server: ServerProcess, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(server, rows, "--model-version", 99) == 1
    assert "Servable not found for request: Specific(click, 99)" in capsys.readouterr().err
