"""Local copies of a pipeline root in a store, and one TFX execution on them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

import pytest
from store_servers import Store
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.orchestration.portable import outputs_utils
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.orchestration.portable.python_executor_operator import run_with_executor
from tfx.types import standard_artifacts

from adclick.errors import AdclickError
from adclick.filesystem import EMPTY_FOLDER, is_folder, list_names, read_bytes, write_bytes
from pipeline import mirrored_execution
from pipeline.mirror import Mirror, canonical_uri
from pipeline.mirrored_execution import UniqueOutputs, run_on_copies, touches_a_store


@pytest.fixture
def mirror(store: Store, tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "out" / "mirror")


def test_places_map_there_and_back(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror")
    uri, path = "s3://b/pipes/Trainer/model/r-1", f"{tmp_path}/mirror/s3/b/pipes/Trainer/model/r-1"
    assert mirror.local(uri) == path
    assert mirror.canonical(path) == uri
    assert mirror.local("gs://b/x/.temp/") == f"{tmp_path}/mirror/gs/b/x/.temp/"
    for other in ("/etc/hosts", "relative"):
        assert mirror.local(other) == other
    for other in (f"{tmp_path}/mirror2/s3/b/x", f"{tmp_path}/mirror/x", str(tmp_path), f"see {path}", uri):
        assert mirror.canonical(other) == other
    assert not (tmp_path / "mirror").exists()


def test_a_path_within_a_mirror_is_known_in_any_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = Mirror(tmp_path / "mirror")
    mirror.make_room("gs://b/pipes/Trainer/model/r-1")
    monkeypatch.chdir(tmp_path)
    assert canonical_uri("mirror/gs/b/pipes/Trainer/model/r-1/a.txt") == "gs://b/pipes/Trainer/model/r-1/a.txt"
    for other in ("elsewhere/a.txt", "mirror/a.txt", "s3://b/a", "/etc/hosts"):
        assert canonical_uri(other) == other


def test_what_is_here_is_not_fetched_again_and_what_was_removed_is(
    store: Store, mirror: Mirror, tmp_path: Path
) -> None:
    uri = store.uri("root/Gen/examples/r-1")
    write_bytes(f"{uri}/Split-train/data", b"rows")
    mirror.fetch([uri, uri, "/local/input"])
    copy = Path(mirror.local(uri))
    assert (copy / "Split-train" / "data").read_bytes() == b"rows"
    write_bytes(f"{uri}/Split-train/data", b"never happens")
    mirror.fetch([uri])
    assert (copy / "Split-train" / "data").read_bytes() == b"rows"
    shutil.rmtree(tmp_path / "out" / "mirror")
    mirror.fetch([uri])
    assert (copy / "Split-train" / "data").read_bytes() == b"never happens"
    assert [path.name for path in copy.parent.iterdir()] == ["r-1"]


def test_an_artifact_that_is_gone_is_named(store: Store, mirror: Mirror) -> None:
    uri = store.uri("root/Gen/examples/r-1")
    with pytest.raises(AdclickError) as raised:
        mirror.fetch([uri])
    assert str(raised.value).startswith(f"{uri}: this artifact of an earlier run is no longer in the store; --fresh")
    assert not Path(mirror.local(uri)).exists()


class Work(BaseExecutor):
    """Reads its input, leaves a file, an empty artifact and properties that name paths."""

    def Do(  # noqa: N802 - the name is TFX's
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        model, blessing = output_dict["model"][0], output_dict["blessing"][0]
        rows = Path(input_dict["examples"][0].uri, "data").read_bytes()
        Path(self._get_tmp_dir(), "scratch").write_bytes(b"")
        Path(model.uri, "nested").mkdir()
        Path(model.uri, "nested", "copy").write_bytes(rows)
        blessing.set_string_custom_property("current_model", model.uri)
        blessing.set_int_custom_property("blessed", 1)
        exec_properties["seen"] = model.uri


def execution(store: Store) -> ExecutionInfo:
    root = store.uri("root")
    examples, model = standard_artifacts.Examples(), standard_artifacts.Model()
    blessing = standard_artifacts.ModelBlessing()
    examples.uri, model.uri = f"{root}/Gen/examples/r-1", f"{root}/Work/model/r-2"
    blessing.uri = f"{root}/Work/blessing/r-2"
    return ExecutionInfo(
        execution_id=2,
        input_dict={"examples": [examples]},
        output_dict={"model": [model], "blessing": [blessing]},
        exec_properties={"word": "x"},
        execution_output_uri=f"{root}/Work/.system/executor_execution/2/executor_output.pb",
        stateful_working_dir=f"{root}/Work/.system/stateful_working_dir/u",
        tmp_dir=f"{root}/Work/.system/executor_execution/2/.temp/",
    )


def run(info: ExecutionInfo) -> Any:
    """As TFX's launcher and its operator for Python executors do."""
    outputs_utils.make_output_dirs(info.output_dict)
    context = BaseExecutor.Context(tmp_dir=info.tmp_dir, unique_id="2")
    return run_with_executor(info, Work(context))


def test_an_executor_works_on_copies_and_lineage_names_the_store(store: Store, mirror: Mirror) -> None:
    info = execution(store)
    write_bytes(store.uri("root/Gen/examples/r-1/data"), b"rows")
    output = run_on_copies(info, mirror, run)
    assert read_bytes(store.uri("root/Work/model/r-2/nested/copy")) == b"rows"
    assert list_names(store.uri("root/Work/blessing/r-2")) == [EMPTY_FOLDER]
    assert list_names(store.uri("root/Work")) == ["blessing", "model"]  # no scratch files
    assert info.output_dict["model"][0].uri == store.uri("root/Work/model/r-2")  # what the launcher publishes
    [model], [blessing] = (output.output_artifacts[key].artifacts for key in ("model", "blessing"))
    assert model.uri == store.uri("root/Work/model/r-2")
    assert blessing.custom_properties["current_model"].string_value == model.uri
    assert blessing.custom_properties["blessed"].int_value == 1
    assert output.execution_properties["seen"].string_value == model.uri
    assert not list(Path(mirror.local(store.uri("root/Work/.system"))).rglob("scratch"))


def test_an_execution_on_local_artifacts_needs_no_copies(store: Store) -> None:
    info = execution(store)
    assert touches_a_store(info)
    for artifacts in (*info.input_dict.values(), *info.output_dict.values()):
        artifacts[0].uri = "/local"
    info.tmp_dir = "/local/tmp"
    assert not touches_a_store(info)
    info.input_dict["examples"][0].uri = store.uri("earlier/root")  # the settings named a store when it was made
    assert touches_a_store(info)


def test_an_upload_that_fails_publishes_nothing_and_leaves_nothing(
    store: Store, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = execution(store)
    write_bytes(store.uri("root/Gen/examples/r-1/data"), b"rows")
    upload = Mirror.upload

    def half(self: Mirror, uris: list[str]) -> None:
        upload(self, uris[:1])
        raise OSError("connection lost")

    monkeypatch.setattr(mirrored_execution.Mirror, "upload", half)
    with pytest.raises(OSError, match="connection lost"):
        run_on_copies(info, mirror, run)
    assert not is_folder(store.uri("root/Work"))


def test_an_output_has_a_name_that_no_other_run_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Execution numbers start at 1 with each metadata database; two machines may share a pipeline root."""
    numbered = {"model": [standard_artifacts.Model()], "count": [standard_artifacts.Integer()]}
    numbered["model"][0].uri, numbered["count"][0].uri = "s3://b/Work/model/2", "s3://b/Work/count/2/value"
    monkeypatch.setattr(outputs_utils, "generate_output_artifacts", lambda **_: numbered)
    outputs = UniqueOutputs.__new__(UniqueOutputs)
    outputs._node_dir, outputs._pipeline_run_id, outputs._pipeline_node = "s3://b/Work", "20260101T0", _Node()
    found = outputs.generate_output_artifacts(2)
    assert found["model"][0].uri == "s3://b/Work/model/20260101T0-2"
    assert found["count"][0].uri == "s3://b/Work/count/20260101T0-2/value"


class _Node:
    """As much of a pipeline node as the resolver reads."""

    class outputs:  # noqa: N801 - a field of TFX's proto
        outputs: ClassVar[dict[str, Any]] = {}
