"""The compiled pipeline in containers, from an installed wheel: three months, one of them refused."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cluster_volume import deliver, first_deliveries
from launcher.driver import KFP_2_0, KFP_2_5, NEWEST, Release
from launcher.run import FAILED, SKIPPED, Cluster, RunResult, run
from local_run import PROJECT, SMALL, Run
from loopback_ports import free_ports
from wheel_prefix import Prefix, install_wheel

pytestmark = pytest.mark.e2e

SECRET = "planted-d41d8cd98f00b204"
ROWS = 200


@dataclass(frozen=True)
class Site:
    """A cluster, the installation in its image, and the package that it runs."""

    prefix: Prefix
    cluster: Cluster
    volume: Path
    package: Path

    @property
    def models(self) -> Path:
        """The folder that a model server watches."""
        return self.volume / "models" / "adclick"

    def versions(self) -> list[int]:
        """Versions in service."""
        return sorted(int(each.name) for each in self.models.iterdir() if each.name.isdecimal())

    def run(self, release: Release) -> tuple[RunResult, dict[str, Any]]:
        """One run under a release of Kubeflow Pipelines, and the summary that it left."""
        reports = self.volume / "root" / "reports"
        before = set(reports.iterdir()) if reports.exists() else set()
        done = run(self.package, replace(self.cluster, release=release))
        (report,) = set(reports.iterdir()) - before
        return done, json.loads((report / "summary.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def site(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Spans 1 and 2 delivered, and the package compiled by the installed command; nothing has run."""
    folder = tmp_path_factory.mktemp("kubeflow")
    volume, package = folder / "volume", folder / "pipeline.yaml"
    prefix = install_wheel(folder)
    first_deliveries(volume, sample)
    kubeflow = {
        "image": "registry.example/adclick:1",
        "volumes": [{"claim": "shared", "path": str(volume)}],
        "secrets": {"AWS_SECRET_ACCESS_KEY": {"secret": "store", "key": "secret-key"}},
    }
    settings = [
        f"kubeflow={json.dumps(kubeflow)}", f"data.root={volume}/data", "data.spans=latest",
        f"pipeline_root={volume}/root", f"push.root={volume}/models", *SMALL,
    ]  # fmt: skip
    # The cluster's processors are another kind than the laptop's: other kernels, whose sums are rounded otherwise.
    image_env = {"PATH": f"{prefix.programs}{os.pathsep}{os.defpath}", "OPENBLAS_CORETYPE": "Nehalem"}
    words = [word for setting in settings for word in ("--set", setting)]
    command = [str(prefix.programs / "adclick"), "kubeflow", "compile", *words, "--output", str(package)]
    # with the secret at hand, which must not get into the file
    environment = {**image_env, "HOME": str(folder), "AWS_SECRET_ACCESS_KEY": SECRET}
    subprocess.run(command, check=True, cwd=folder, env=environment, timeout=120)
    secrets = {"store": {"secret-key": SECRET}}
    return Site(prefix, Cluster(folder / "cluster", image_env, secrets, {"shared": volume}), volume, package)


@pytest.fixture(scope="module")
def first(site: Site) -> tuple[RunResult, dict[str, Any]]:
    """Nothing is in service yet."""
    return site.run(NEWEST)


@pytest.fixture(scope="module")
def second(
    site: Site, first: tuple[RunResult, dict[str, Any]], sample: Path
) -> tuple[RunResult, dict[str, Any], list[int]]:
    """The same package, once a third month has arrived; also what was in service before."""
    before = site.versions()
    deliver(site.volume, sample, 3, "2026-03", lambda rows: [row for at, row in enumerate(rows) if at % 10])
    return *site.run(KFP_2_5), before


def test_the_source_tree_is_out_of_reach(site: Site) -> None:
    for module in ("adclick.cli", "configs.settings", "components.drivers", "pipeline.create", "trainer.run"):
        assert site.prefix.place_of(module).is_relative_to(site.prefix.root), module
    code = "import importlib.util, sys; print(importlib.util.find_spec('benchmarks'), sys.path)"
    told = subprocess.check_output(
        [site.prefix.programs / "python", "-c", code], text=True, env={}, cwd=site.prefix.root
    )
    assert told.startswith("None ")
    assert f"'{PROJECT}'" not in told


def test_every_container_succeeds_and_leaves_what_it_declares(first: tuple[RunResult, dict[str, Any]]) -> None:
    done, _ = first
    assert done.succeeded, done.table()
    assert {task: result.missing for task, result in done.tasks.items() if result.missing} == {}


def test_the_latest_span_is_taken_and_pushed(first: tuple[RunResult, dict[str, Any]], site: Site) -> None:
    _, summary = first
    assert summary["spans"] == [2]
    assert summary["rows"]["read"] == 3000  # span 1 alone would be 600, both together 3600
    assert summary["baseline"] is None
    assert summary["verdict"]["blessed"], summary["verdict"]["reasons"]
    assert summary["pushed_version"] in site.versions()


def test_the_pushed_model_answers_as_the_locally_trained_one(
    first: tuple[RunResult, dict[str, Any]], first_run: Run, site: Site, sample: Path
) -> None:
    """Same rows, same settings, same seed, other BLAS kernels: the difference is rounding at most."""
    from serving.client import RestClient

    places = {"cluster": site.models, "local": first_run.output / "serving" / "adclick"}
    versions = {"cluster": first[1]["pushed_version"], "local": first_run.summary["pushed_version"]}
    with (sample / "data" / "month-1" / "impressions.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))[-ROWS:]
    image = next(row for row in rows if row["image_path"])
    encoded = (sample / "data" / image["image_path"]).read_bytes()
    rows.append({**image, "image_path": "images/new.png", "image_path_bytes": encoded})
    scores = {}
    with _served(site, places, versions) as address:
        for name in places:
            answers = RestClient(address, name, timeout_s=30).predict(rows)
            scores[name] = np.array([one.click_probability for one in answers])
    assert np.abs(scores["cluster"] - scores["local"]).max() <= 1e-6
    assert np.std(scores["cluster"]) > 1e-3


def test_a_month_that_arrives_between_two_runs_is_noticed(
    second: tuple[RunResult, dict[str, Any], list[int]],
) -> None:
    done, summary, _ = second
    assert done.succeeded, done.table()
    assert summary["spans"] == [3]
    assert summary["rows"]["read"] == 2700
    # and held against the month before, which another run read in containers that are gone
    drift = summary["gate"]["drift"]
    assert (drift["state"], drift["new"], drift["reference"]) == (
        "checked", "span 3 (2,700 rows)", "span 2 (3,000 rows)",
    )  # fmt: skip


def test_the_second_run_is_held_against_the_model_that_the_first_pushed(
    second: tuple[RunResult, dict[str, Any], list[int]], first: tuple[RunResult, dict[str, Any]], site: Site
) -> None:
    _, summary, before = second
    assert before == [first[1]["pushed_version"]]
    assert summary["baseline"]["version"] == first[1]["pushed_version"]
    assert summary["baseline"]["metrics"]["count"] == summary["metrics"]["count"] == 540  # a fifth of 2700
    assert summary["difference"] is not None
    pushed = [] if summary["pushed_version"] is None else [summary["pushed_version"]]
    assert site.versions() == before + pushed


def test_a_month_that_the_gate_refuses_stops_the_graph(
    second: tuple[RunResult, dict[str, Any], list[int]], site: Site, sample: Path
) -> None:
    served = site.versions()
    deliver(site.volume, sample, 4, "2026-05", lambda rows: [{**row, "device": "desktop"} for row in rows])
    done, summary = site.run(KFP_2_0)
    assert done.states(FAILED) == {"AnomalyGate"}, done.table()
    gate = done.tasks["AnomalyGate"]
    assert gate.status == 4
    assert "drift of feature 'device'" in gate.text
    behind = {"Transform", "CreativeTrainer", "ServedModel", "ServedBaselineEvaluator", "ServingCanary", "AtomicPusher"}
    assert done.states(SKIPPED) == {*behind, "RunReport"}
    assert not summary["gate"]["passed"]
    assert site.versions() == served


def test_a_secret_is_in_no_file_and_no_log(second: tuple[RunResult, dict[str, Any], list[int]], site: Site) -> None:
    """It was in the environment of the compiling command and of every container."""
    assert "AWS_SECRET_ACCESS_KEY" in site.package.read_text("utf-8")
    kept = [site.package, *(file for place in (site.cluster.root, site.volume) for file in place.rglob("*"))]
    logs = [file for file in kept if file.suffix == ".log"]
    assert len(logs) >= 2 * len(second[0].tasks)
    assert [file for file in kept if file.is_file() and SECRET.encode() in file.read_bytes()] == []


@contextlib.contextmanager
def _served(site: Site, places: Mapping[str, Path], versions: Mapping[str, int]) -> Iterator[str]:
    """The installed model server with several models; its REST address."""
    entries = [
        f'config {{ name: "{name}" base_path: "{place}" model_platform: "tensorflow" '
        f"model_version_policy {{ specific {{ versions: {versions[name]} }} }} }}"
        for name, place in places.items()
    ]
    config = site.cluster.root / "models.config"
    config.write_text(f"model_config_list {{ {' '.join(entries)} }}", "utf-8")
    port, rest_port = free_ports(2)
    command = [str(site.prefix.programs / "python"), "-m", "serving.model_server", f"--model_config_file={config}"]
    command += [f"--port={port}", f"--rest_api_port={rest_port}"]
    environment = {**site.cluster.image_env, "HOME": str(site.cluster.root)}
    with (site.cluster.root / "server.txt").open("wb") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=site.cluster.root, env=environment
        )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if re.search(r"\bready\b", line):
                break
        else:
            pytest.fail((site.cluster.root / "server.txt").read_text("utf-8"))
        yield f"127.0.0.1:{rest_port}"
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0
