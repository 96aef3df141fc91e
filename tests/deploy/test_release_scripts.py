"""The release's scripts, with stand-ins for docker, kubectl and kustomize that note how they were called."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from dockerfiles import ROOT

from adclick.cli import build_parser

DIGEST = "sha256:" + "0" * 64
STAND_IN = """#!/usr/bin/env python3
import json, os, sys
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps([name, *words]) + "\\n")
for part, (text, status) in json.loads(os.environ["ANSWERS"]).items():
    if part in " ".join([name, *words]):
        sys.stdout.write(text)
        sys.exit(status)
"""


class Done(NamedTuple):
    """A script's end."""

    status: int
    told: str
    outputs: dict[str, str]
    calls: list[list[str]]
    summary: str


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    if shutil.which("jq") is None:
        pytest.skip("jq is not on PATH; GitHub's runners have it, and the scripts read JSON with it")
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    (tmp_path / "images").mkdir()
    for name in ("adclick-steps", "adclick-gateway", "adclick-replica"):
        (tmp_path / "images" / name).write_text(f"ghcr.io/example/{name}@{DIGEST}\n")
    (tmp_path / "bin").mkdir()
    for name in ("docker", "kubectl", "kustomize"):
        stand_in = tmp_path / "bin" / name
        stand_in.write_text(STAND_IN)
        stand_in.chmod(0o755)
    return tmp_path


def run(checkout: Path, answers: dict[str, tuple[str, int]], *command: str, **variables: str) -> Done:
    """`answers`: by a part of a call, what is printed and the status; the first that fits."""
    (checkout / "calls").write_text("")
    (checkout / "outputs").write_text("")
    environment = {
        "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}",
        "CALLS": str(checkout / "calls"),
        "ANSWERS": json.dumps(answers),
        "GITHUB_OUTPUT": str(checkout / "outputs"),
        "GITHUB_STEP_SUMMARY": str(checkout / "summary"),
        "KFP_HOST": "https://kfp.example",
        "ADCLICK_RETRY_S": "0",
        **variables,
    }
    script, *words = command
    program = [str(checkout / "deploy" / "release" / script), *words]
    told = subprocess.run(program, cwd=checkout, env=environment, capture_output=True, text=True, timeout=60)
    pairs = (line.split("=", 1) for line in (checkout / "outputs").read_text().splitlines())
    calls = [json.loads(line) for line in (checkout / "calls").read_text().splitlines()]
    summary = (checkout / "summary").read_text() if (checkout / "summary").exists() else ""
    return Done(told.returncode, told.stdout + told.stderr, dict(pairs), calls, summary)  # type: ignore[arg-type]


@pytest.mark.parametrize(("submitted", "status"), [(0, 0), (3, 0), (4, 4), (1, 1), (2, 2)])
def test_a_run_that_is_not_blessed_is_a_result_and_others_are_failures(
    checkout: Path, submitted: int, status: int
) -> None:
    done = run(checkout, {"kubeflow submit": ("waits\nrun_id: 1f3a-77\n", submitted)}, "run_pipeline.sh", "staging")
    assert (done.status, done.outputs) == (status, {"run_id": "1f3a-77"})
    verbs = [call[call.index("adclick") + 2] for call in done.calls]
    assert verbs == ["compile", "lint", "submit"]
    assert f"kubeflow.image=ghcr.io/example/adclick-steps@{DIGEST}" in done.calls[0]
    assert "submission.host=https://kfp.example" in done.calls[2]
    for call in done.calls:
        assert build_parser("kubeflow").parse_args(call[call.index("adclick") + 1 :])


def test_nothing_is_submitted_that_does_not_pass_lint(checkout: Path) -> None:
    done = run(checkout, {"kubeflow lint": ("row 2: …\n", 1)}, "run_pipeline.sh", "staging")
    assert done.status == 1
    assert len(done.calls) == 2


@pytest.mark.parametrize(
    ("report", "outputs"),
    [
        ({"verdict": {"blessed": True, "reasons": []}, "pushed_version": 7}, {"verdict": "blessed", "version": "7"}),
        (
            {"verdict": {"blessed": False, "reasons": ["AUC 0.5 < 0.55"]}, "pushed_version": None},
            {"verdict": "refused"},
        ),
        ({"verdict": {"blessed": True, "reasons": ["withdrawn"]}, "pushed_version": None}, {"verdict": "refused"}),
    ],
)
def test_the_verdict_is_the_reports(checkout: Path, report: dict[str, Any], outputs: dict[str, str]) -> None:
    status = 0 if "version" in outputs else 3
    done = run(checkout, {"kubeflow status": (json.dumps(report), status)}, "read_verdict.sh", "staging", "1f3a")
    assert (done.status, done.outputs) == (0, outputs)
    assert build_parser("kubeflow").parse_args(done.calls[0][done.calls[0].index("adclick") + 1 :]).json
    assert all(reason in done.summary for reason in report["verdict"]["reasons"])


@pytest.mark.parametrize(
    "answer",
    [('{"verdict": null, "pushed_version": null}', 0), ("", 1), ("no JSON", 0)],
    ids=["no-report", "failed", "text"],
)
def test_no_verdict_is_no_blessing(checkout: Path, answer: tuple[str, int]) -> None:
    done = run(checkout, {"kubeflow status": answer}, "read_verdict.sh", "staging", "1f3a")
    assert done.status != 0
    assert done.outputs == {}


def test_the_model_is_adopted_with_the_reason(checkout: Path) -> None:
    folders = {"STAGING_FOLDER": "s3://staging/adclick", "PRODUCTION_FOLDER": "s3://production/adclick"}
    release = {"MODEL_VERSION": "7", "RUN_ID": "1f3a", "GITHUB_REF_NAME": "v1.2.3"}
    answers = {"models adopt": ('{"in_service": 9}', 0)}
    done = run(checkout, answers, "adopt_model.sh", **folders, **release)
    assert (done.status, done.outputs) == (0, {"version": "9"})
    words = done.calls[0][done.calls[0].index("adclick") + 1 :]
    args = build_parser("models").parse_args(words)
    assert (args.action, args.version, args.source) == ("adopt", 7, "s3://staging/adclick")
    assert args.model_folder == "s3://production/adclick"
    assert "v1.2.3" in args.reason
    assert run(checkout, {"models adopt": ("withdrawn", 1)}, "adopt_model.sh", **folders, **release).status != 0


def test_production_gets_digests_and_waits_for_the_model(checkout: Path) -> None:
    config = {"KUBE_CONFIG": "clusters: []", "MODEL_VERSION": "9"}
    done = run(checkout, {"exec deployment/adclick-gateway": ("[9]\n", 0)}, "apply_overlay.sh", "production", **config)
    assert done.status == 0, done.told
    images = [call[-1] for call in done.calls if call[:3] == ["kustomize", "edit", "set"]]
    assert images == [
        f"{name}=ghcr.io/example/{name}@{DIGEST}" for name in ("adclick-gateway", "adclick-replica", "adclick-steps")
    ]
    assert ["rollout", "status"] in [call[3:5] for call in done.calls]
    assert "undo" not in str(done.calls)
    assert "clusters" not in str(done.calls) + done.told


@pytest.mark.parametrize(
    "answers",
    [{"rollout status": ("timed out", 1)}, {"exec deployment/adclick-gateway": ("[8]\n", 0)}],
    ids=["pods-do-not-come", "another-model"],
)
def test_what_does_not_answer_goes_back(checkout: Path, answers: dict[str, tuple[str, int]]) -> None:
    config = {"KUBE_CONFIG": "clusters: []", "MODEL_VERSION": "9"}
    done = run(checkout, answers, "apply_overlay.sh", "production", **config)
    assert done.status == 1
    undone = [call[-1] for call in done.calls if "undo" in call]
    assert undone == ["deployment/adclick-serving", "deployment/adclick-gateway"]
    assert "adclick models rollback" in done.told
