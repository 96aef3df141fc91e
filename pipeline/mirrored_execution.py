"""One execution on local copies: inputs are fetched, outputs uploaded, and lineage names the store.

The local runner uses it; so can any other entry point that holds TFX's ExecutionInfo.
"""

from __future__ import annotations

import contextlib
import copy
import posixpath
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attr
from tfx.orchestration.portable import outputs_utils
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration.execution_result_pb2 import ExecutorOutput
from tfx.types.value_artifact import ValueArtifact

from adclick.folder_copies import remove_folder
from adclick.stores import is_remote
from pipeline.mirror import Mirror

Artifacts = Mapping[str, list[Any]]


def touches_a_store(info: ExecutionInfo) -> bool:
    """Whether the execution reads or leaves anything that is not local."""
    return any(is_remote(uri) for uri in (*_folders(info.input_dict), *_folders(info.output_dict), info.tmp_dir))


def run_on_copies(
    info: ExecutionInfo, mirror: Mirror, run: Callable[[ExecutionInfo], ExecutorOutput]
) -> ExecutorOutput:
    """`run` sees local paths. Returns its output with the store's URIs, once every output is whole in the store."""
    mirror.fetch(_folders(info.input_dict))
    working = [posixpath.dirname(info.execution_output_uri), info.tmp_dir.rstrip("/"), info.stateful_working_dir]
    for uri in working:
        mirror.remove_local(uri)
        Path(mirror.make_room(uri)).mkdir(exist_ok=True)
    local = attr.evolve(
        info,
        input_dict=_moved(info.input_dict, mirror),
        output_dict=_moved(info.output_dict, mirror),
        tmp_dir=mirror.local(info.tmp_dir),
        stateful_working_dir=mirror.local(info.stateful_working_dir),
        execution_output_uri=mirror.local(info.execution_output_uri),
    )
    try:
        output = run(local)
        _upload(list(_folders(info.output_dict)), mirror)
    finally:
        for uri in working:
            mirror.remove_local(uri)
    _name_the_store(output, mirror)
    return output


def _folders(artifacts: Artifacts) -> Iterable[str]:
    """A value's URI is a file; its folder is as much its own."""
    for one in (artifact for each in artifacts.values() for artifact in each):
        yield posixpath.dirname(one.uri) if isinstance(one, ValueArtifact) else one.uri


def _moved(artifacts: Artifacts, mirror: Mirror) -> dict[str, list[Any]]:
    moved = copy.deepcopy(dict(artifacts))
    for one in (artifact for each in moved.values() for artifact in each):
        one.uri = mirror.local(one.uri)
    return moved


def _upload(uris: list[str], mirror: Mirror) -> None:
    try:
        mirror.upload(uris)
    except BaseException:
        for uri in uris:
            with contextlib.suppress(Exception):  # why the upload failed is told, not why its rest stays
                remove_folder(uri)
        raise


def _name_the_store(output: ExecutorOutput, mirror: Mirror) -> None:
    """Artifacts, and properties in which an executor noted a path (a blessing names its model)."""
    values = list(output.execution_properties.values())
    for artifact in (one for each in output.output_artifacts.values() for one in each.artifacts):
        artifact.uri = mirror.canonical(artifact.uri)
        values += [*artifact.properties.values(), *artifact.custom_properties.values()]
    for value in values:
        if value.HasField("string_value"):
            value.string_value = mirror.canonical(value.string_value)


class UniqueOutputs(outputs_utils.OutputsResolver):
    """Output URIs that no other run has: execution numbers start anew with each ML Metadata database, a store does not.

    `<pipeline root>/<component>/<output>/<run id>-<execution>` instead of `…/<execution>`.
    """

    def generate_output_artifacts(self, execution_id: int) -> dict[str, list[Any]]:
        """As TFX makes them, under the unique name."""
        found: dict[str, list[Any]] = super().generate_output_artifacts(execution_id)
        for key, artifacts in found.items():
            numbered = posixpath.join(self._node_dir, key, str(execution_id))
            for artifact in artifacts:
                if not artifact.is_external:
                    unique = posixpath.join(self._node_dir, key, f"{self._pipeline_run_id}-{execution_id}")
                    artifact.uri = unique + artifact.uri.removeprefix(numbered)
        return found
