"""What is served is what was trained: offline scores, gRPC and REST agree."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from local_run import PROJECT, Run, served

pytestmark = pytest.mark.e2e

ROWS = 200


@pytest.fixture(scope="module")
def server(first_run: Run) -> Iterator[tuple[str, str]]:
    """The model server on the pushed folder: gRPC and REST addresses."""
    with served(first_run.output) as (_, grpc, rest):
        yield grpc, rest


@pytest.fixture(scope="module")
def rows(sample: Path) -> list[dict[str, str]]:
    with (sample / "data" / "month-1" / "impressions.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))[-ROWS:]


def test_rest_grpc_and_offline_agree_to_1e_6(
    server: tuple[str, str], rows: list[dict[str, str]], first_run: Run
) -> None:
    """The last rows by time are evaluation rows; the evaluator's scores are in the order of the file."""
    from serving.client import GrpcClient, RestClient

    grpc, rest = server
    over_rest = [one.click_probability for one in RestClient(rest, "adclick", timeout_s=30).predict(rows)]
    over_grpc = [one.click_probability for one in GrpcClient(grpc, "adclick", timeout_s=30).predict(rows)]
    folder = first_run.output / "pipeline_root" / "ServedBaselineEvaluator" / "evaluation"
    with np.load(min(folder.iterdir(), key=lambda path: int(path.name)) / "scores.npz") as scores:
        offline = scores["candidate"][-ROWS:]
    assert np.abs(np.array(over_rest) - offline).max() <= 1e-6
    assert np.abs(np.array(over_grpc) - offline).max() <= 1e-6
    assert np.std(offline) > 1e-3


def test_a_new_creative_is_seen_and_a_known_one_needs_no_bytes(
    server: tuple[str, str], rows: list[dict[str, str]], sample: Path
) -> None:
    from serving.client import RestClient

    row = next(one for one in rows if one["image_path"])
    encoded = (sample / "data" / row["image_path"]).read_bytes()
    client = RestClient(server[1], "adclick", timeout_s=30)
    asked = [row, {**row, "image_path": "images/new.png", "image_path_bytes": encoded}, {**row, "image_path": ""}]
    known, new, none = (one.click_probability for one in client.predict(asked))
    assert abs(known - new) <= 1e-6
    assert abs(known - none) > 1e-6


def test_an_unreadable_image_costs_its_own_row_only_the_creative(
    server: tuple[str, str], rows: list[dict[str, str]], sample: Path
) -> None:
    from serving.client import GrpcClient, RestClient

    row = next(one for one in rows if one["image_path"])
    new = {**row, "image_path": "images/new.png"}
    encoded = (sample / "data" / row["image_path"]).read_bytes()
    asked = [{**new, "image_path_bytes": content} for content in (encoded, b"broken")]
    expected = RestClient(server[1], "adclick", timeout_s=30).predict([row, new])
    for client in (GrpcClient(server[0], "adclick", timeout_s=30), RestClient(server[1], "adclick", timeout_s=30)):
        for found, wanted in zip(client.predict(asked), expected, strict=True):
            assert abs(found.click_probability - wanted.click_probability) <= 1e-6


def test_missing_optional_features_take_their_defaults(server: tuple[str, str], rows: list[dict[str, str]]) -> None:
    from serving.client import RestClient

    client = RestClient(server[1], "adclick", timeout_s=30)
    bare, empty = client.predict([{"device": "mobile"}, {**dict.fromkeys(rows[0], ""), "device": "mobile"}])
    assert 0.0 < bare.click_probability < 1.0
    assert bare.click_probability == empty.click_probability


def test_the_predict_verb_prints_a_probability_per_row(server: tuple[str, str], sample: Path) -> None:
    file = sample / "data" / "month-1" / "impressions.csv"
    command = [sys.executable, "-m", "adclick.cli", "predict", str(file), "--server", server[1], "--limit", "3"]
    command += ["--image-root", str(sample / "data"), "--format", "csv"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert len(lines) == 4
    position = lines[0].split(",").index("click_probability")
    assert all(0.0 < float(line.split(",")[position]) < 1.0 for line in lines[1:])
