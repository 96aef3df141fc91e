"""Runs the graph in this process, one component after the other, and tells an observer how it goes.

It does what tfx/orchestration/local/local_dag_runner.py does, node by node, so that each component gets a log file of
its own, cached results can be told from fresh ones, and a failure names its component.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher, runtime_parameter_utils

from adclick.notices import heard_by
from adclick.redirection import output_to
from adclick.stores import is_remote
from pipeline.mirror import Mirror
from pipeline.mirrored_execution import UniqueOutputs, run_on_copies, touches_a_store
from pipeline.resource_use import Meter, ResourceUse
from pipeline.steady_batches import use_steady_batches
from pipeline.tfx_stores import register_stores

RAN, CACHED, FAILED = "done", "cached", "failed"


class NodeResult(NamedTuple):
    """What became of one component."""

    node_id: str
    state: str
    seconds: float
    log: Path
    outputs: dict[str, str]
    """URI of the artifact under each output key."""
    use: ResourceUse | None = None


class Observer(Protocol):
    """Whoever wants to know how the run goes."""

    def planned(self, node_ids: list[str]) -> None:
        """Before the first component."""

    def started(self, node_id: str) -> None:
        """A component starts."""

    def noted(self, node_id: str, text: str) -> None:
        """A component under way says how it goes."""

    def finished(self, result: NodeResult) -> None:
        """A component ended, one way or another."""


class _Launcher(launcher.Launcher):
    """Knows whether the executor ran or the cache answered, and gives it local copies of what is in a store."""

    def __init__(self, mirror: Mirror | None, **rest: Any) -> None:
        super().__init__(**rest)
        self.executed = False
        self._mirror = mirror
        if is_remote(rest["pipeline_runtime_spec"].pipeline_root.field_value.string_value):
            self._output_resolver = UniqueOutputs(
                rest["pipeline_node"], rest["pipeline_info"], rest["pipeline_runtime_spec"]
            )

    def _run_executor(self, execution_info: Any) -> Any:
        self.executed = True
        if self._mirror is None or not touches_a_store(execution_info):
            return super()._run_executor(execution_info)
        return run_on_copies(execution_info, self._mirror, super()._run_executor)


def run_pipeline(
    pipeline: Pipeline, run_id: str, logs: Path, observer: Observer, mirror: Mirror | None = None
) -> dict[str, NodeResult]:
    """Results by component; `mirror` takes the local copies of what is in a store, without one all must be local.

    A failure is reported to the observer, then raised as it came; what was done stays cached.
    """
    use_steady_batches()
    register_stores()
    ir = compiler.Compiler().compile(pipeline)
    runtime_parameter_utils.substitute_runtime_parameter(ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id})
    deployment = runner_utils.extract_local_deployment_config(ir)
    connection = deployment.metadata_connection_config
    connection = getattr(connection, connection.WhichOneof("connection_config"))
    nodes = [node.pipeline_node for node in ir.nodes]
    observer.planned([node.node_info.id for node in nodes])
    results: dict[str, NodeResult] = {}
    for number, node in enumerate(nodes, start=1):
        node_id = node.node_info.id
        log = logs / f"{number:02d}-{node_id}.log"
        observer.started(node_id)
        meter = Meter()
        state, outputs = FAILED, {}
        try:
            with output_to(log), heard_by(functools.partial(observer.noted, node_id)):
                component = _Launcher(
                    mirror,
                    pipeline_node=node,
                    mlmd_connection=metadata.Metadata(connection),
                    pipeline_info=ir.pipeline_info,
                    pipeline_runtime_spec=ir.runtime_spec,
                    executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
                    custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
                )
                info = component.launch()
                outputs = _outputs(connection, info.execution_id)
            state = RAN if component.executed else CACHED
        finally:
            results[node_id] = NodeResult(node_id, state, meter.seconds, log, outputs, meter.read())
            observer.finished(results[node_id])
    return results


def _outputs(connection: Any, execution_id: int) -> dict[str, str]:
    """Output artifacts of an execution, cached ones included."""
    with metadata.Metadata(connection) as handle:
        events = handle.store.get_events_by_execution_ids([execution_id])
        outputs = {event.artifact_id: event.path.steps[0].key for event in events if event.type == event.OUTPUT}
        artifacts = handle.store.get_artifacts_by_id(list(outputs))
    return {outputs[artifact.id]: artifact.uri for artifact in artifacts}
