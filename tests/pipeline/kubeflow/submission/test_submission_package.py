"""What is read of a compiled pipeline, and what is refused before anything is asked of a server."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_pipeline import PLATFORM, SPEC, STEPS, write_package

from adclick.errors import SettingsError
from pipeline.kubeflow.submission.package import check_parameters, ordered_tasks, read_package


def test_name_steps_and_parameters_are_read(package_file: Path) -> None:
    package = read_package(package_file)
    assert package.name == "adclick"
    assert package.tasks == STEPS
    assert list(package.parameters) == ["epochs", "images", "share", "spans"]
    assert package.platforms == {}


def test_both_documents_go_up(tmp_path: Path) -> None:
    package = read_package(write_package(tmp_path / "p.yaml", SPEC, PLATFORM))
    assert list(yaml.safe_load_all(package.text())) == [SPEC, PLATFORM]


def test_the_digest_is_of_the_contents_and_not_of_their_layout(tmp_path: Path) -> None:
    package = read_package(write_package(tmp_path / "a.yaml", SPEC))
    (tmp_path / "b.yaml").write_text("# compiled later\n" + yaml.safe_dump(SPEC, indent=4, sort_keys=False))
    assert read_package(tmp_path / "b.yaml").digest() == package.digest()
    assert len(package.digest()) == 12
    other = read_package(write_package(tmp_path / "c.yaml", SPEC, PLATFORM))
    assert other.digest() != package.digest()


def test_caching_is_only_ever_taken_away(package_file: Path) -> None:
    package = read_package(package_file)
    before = copy.deepcopy(dict(package.spec))
    tasks = package.without_caching().spec["root"]["dag"]["tasks"]
    assert [task["cachingOptions"] for task in tasks.values()] == [{}, {}, {}, {}]
    assert package.spec == before


def test_steps_in_a_circle_are_refused() -> None:
    spec = {"root": {"dag": {"tasks": {"A": {"dependentTasks": ["B"]}, "B": {"dependentTasks": ["A"]}}}}}
    with pytest.raises(SettingsError, match="in a circle: A, B"):
        ordered_tasks(spec)


@pytest.mark.parametrize(
    ("name", "documents", "message"),
    [
        ("p.json", [SPEC], "p.json: Kubeflow's SDK takes YAML"),
        ("p.yaml", [{"pipelineSpec": SPEC}], "holds a PipelineJob"),
        (
            "p.yaml",
            [{**SPEC, "schemaVersion": "2.0.0"}],
            "schemaVersion is '2.0.0', and the backend takes '2.1.0' only",
        ),
        ("p.yaml", [["a"]], "is no compiled pipeline"),
        ("p.yaml", [{"pipelineInfo": {"name": "x"}}], "is no compiled pipeline"),
    ],
)
def test_what_a_backend_would_refuse_is_refused_here(tmp_path: Path, name: str, documents: Any, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_package(write_package(tmp_path / name, *documents))
    assert message in str(raised.value)
    assert "adclick kubeflow compile" in str(raised.value)


def test_missing_empty_and_broken_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file; write it with"):
        read_package(tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(SettingsError, match="is no compiled pipeline"):
        read_package(tmp_path / "empty.yaml")
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(SettingsError, match="is not YAML"):
        read_package(tmp_path / "broken.yaml")


def test_parameters_that_fit_are_sent_as_they_are(package_file: Path) -> None:
    given = {"epochs": 3, "share": 1, "spans": "latest", "images": False}
    assert check_parameters(read_package(package_file), given) == given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epoch": 3}, "has no parameter 'epoch'; did you mean 'epochs'?"),
        ({"epochs": "3"}, "epochs is '3', and the pipeline wants a number integer"),
        ({"epochs": True}, "epochs is True, and the pipeline wants a number integer"),
        ({"images": 1}, "images is 1, and the pipeline wants a boolean"),
    ],
)
def test_parameters_that_do_not_fit_are_named(package_file: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        check_parameters(read_package(package_file), given)
    assert message in str(raised.value)


def test_a_parameter_without_default_has_to_be_given(tmp_path: Path) -> None:
    spec = copy.deepcopy(SPEC)
    spec["root"]["inputDefinitions"]["parameters"] = {"month": {"parameterType": "STRING"}}
    package = read_package(write_package(tmp_path / "p.yaml", spec))
    with pytest.raises(SettingsError, match="month is missing, which has no default"):
        check_parameters(package, {})
    assert check_parameters(package, {"month": "2026-11"}) == {"month": "2026-11"}
