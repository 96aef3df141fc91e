"""The workflows: pinned actions, least permissions, limits in time, and steps whose files are there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfiles import ROOT, read_dockerfile

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
RELEASE: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yaml").read_text(encoding="utf-8"))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def workflow(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in workflow(path)["jobs"].values() for step in job.get("steps", [])]


@each_workflow
def test_actions_are_pinned_by_commit_with_their_version(path: Path) -> None:
    lines = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    assert lines
    for line in lines:
        local = line == "./.github/workflows/ci.yaml"
        assert local or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@each_workflow
def test_permissions_are_the_least(path: Path) -> None:
    whole = workflow(path)
    assert whole["permissions"] in ({}, {"contents": "read"})
    for name, job in whole["jobs"].items():
        granted = {key for key, value in job.get("permissions", {}).items() if value == "write"}
        assert granted == ({"packages"} if name == "images" else set()), name
        assert "timeout-minutes" in job or "uses" in job, name
    assert "pull_request_target" not in path.read_text(encoding="utf-8")
    for step in steps(path):
        if "actions/checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@each_workflow
def test_no_foreign_text_is_pasted_into_a_shell(path: Path) -> None:
    """Only what this workflow's own steps made; everything else comes by the environment."""
    for step in steps(path):
        for expression in re.findall(r"\$\{\{\s*(.+?)\s*\}\}", step.get("run", "")):
            assert expression == "steps.run.outputs.run_id", expression


@each_workflow
def test_what_a_step_runs_is_there(path: Path) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for step in steps(path):
        for script in re.findall(r"\b(?:scripts|deploy/release)/\w+\.sh", step.get("run", "")):
            assert os.access(ROOT / script, os.X_OK), script
        for target in re.findall(r"\bmake (\w+)", step.get("run", "")):
            assert target in targets


def test_images_are_those_of_the_definitions_and_the_overlays() -> None:
    built = {}
    for entry in RELEASE["jobs"]["images"]["strategy"]["matrix"]["include"]:
        stages = read_dockerfile(ROOT / "deploy" / "images" / f"{entry['file']}.Dockerfile")
        built[f"adclick-{entry['image']}"] = entry["target"] or stages[-1].name
        assert built[f"adclick-{entry['image']}"] in {stage.name for stage in stages}
    for overlay in ("staging", "production"):
        file = ROOT / "deploy" / "kubernetes" / "overlays" / overlay / "kustomization.yaml"
        names = {image["name"] for image in yaml.safe_load(file.read_text(encoding="utf-8"))["images"]}
        assert set(built) == {name for name in names if name.startswith("adclick-")}


def test_production_waits_for_tests_staging_and_the_verdict() -> None:
    jobs = RELEASE["jobs"]
    assert [jobs[name].get("needs") for name in ("images", "staging", "production")] == ["test", "images", "staging"]
    assert jobs["production"]["if"] == "needs.staging.outputs.verdict == 'blessed'"
    assert {name: job["environment"] for name, job in jobs.items() if "environment" in job} == {
        "staging": "staging",
        "production": "production",
    }
    deploys = [step for step in jobs["staging"]["steps"] if "apply_overlay" in step.get("run", "")]
    assert [step["if"] for step in deploys] == ["steps.verdict.outputs.verdict == 'blessed'"]


def test_secrets_are_references_and_reach_single_steps_only() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"secrets\.(\w+)", text)) == {
        "KFP_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "KUBE_CONFIG",
    }  # fmt: skip
    assert "env" not in RELEASE
    assert not any("env" in job for job in RELEASE["jobs"].values())
