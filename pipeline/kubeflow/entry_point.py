"""What every container of a compiled pipeline runs: python -m pipeline.kubeflow.entry_point

Stands in for TFX's own (tfx/orchestration/kubeflow/v2/container/kubeflow_v2_run_executor.py), which does not work on
Kubeflow Pipelines as it is: docs/kubeflow.md lists why. The exit status is that of `adclick run`: 0 for a component
that did its work, 4 where the data gate stops the run, 2 for settings that cannot be used, 1 for any other failure.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import Any

from adclick.errors import AdclickError, DataGateError

FAILURE = 1


def main(argv: Sequence[str] | None = None) -> int:
    """One component; the exit status."""
    args, beam_arguments = _parser().parse_known_args(argv)
    scratch = tempfile.mkdtemp(prefix="adclick-")
    try:
        # Libraries write to home folders, of which a container with a read-only root has none.
        os.environ.update(dict.fromkeys(("KERAS_HOME", "MPLCONFIGDIR", "IPYTHONDIR"), scratch))
        _run(args, beam_arguments, scratch)
    except AdclickError as error:
        print(f"adclick: {args.node_id}: {error}", file=sys.stderr, flush=True)
        return error.exit_status
    except Exception:  # the log is all that is left of a container
        traceback.print_exc()
        print(f"adclick: {args.node_id}: failed; the trace is above", file=sys.stderr, flush=True)
        return FAILURE
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--node_id", required=True, help="name of the component in the graph")
    parser.add_argument("--executor_class_path", required=True)
    parser.add_argument("--driver_class_path", help="of a driver that looks at the world before the executor works")
    parser.add_argument("--state_root", required=True, help="folder in which runs leave things for each other")
    parser.add_argument("--model_folder", required=True, help="folder that the model server watches")
    parser.add_argument("--json_serialized_invocation_args", required=True, help="ExecutorInput, by the launcher")
    parser.add_argument("--json_serialized_inputs_spec_args", required=True, help="ComponentInputsSpec")
    return parser


def _run(args: argparse.Namespace, beam_arguments: list[str], scratch: str) -> None:
    from adclick.garbage import no_collection
    from adclick.lazy_imports import postpone_heavy_leaves
    from adclick.stack import prepare_environment

    prepare_environment()
    postpone_heavy_leaves()
    with no_collection():
        from tfx.utils import import_utils

        from pipeline.kubeflow.arrivals import require_files
        from pipeline.kubeflow.executor_input import read_invocation, write_outputs
        from pipeline.kubeflow.launcher_paths import ROOT_VARIABLE, run_id_of
        from pipeline.kubeflow.leaving import Surroundings, keep_best_values, keep_references, publish_report
        from pipeline.tfx_stores import register_stores

        executor_class = import_utils.import_class_by_path(args.executor_class_path)
        driver_class = import_utils.import_class_by_path(args.driver_class_path) if args.driver_class_path else None
    os.environ.setdefault(ROOT_VARIABLE, "/")
    register_stores()
    call = read_invocation(args.json_serialized_invocation_args, args.json_serialized_inputs_spec_args)
    require_files(call.inputs)
    run_id = next((run_id_of(uri, args.node_id) for uri in call.output_uris.values()), "")
    run_id = run_id or f"{datetime.datetime.now(datetime.timezone.utc):%Y%m%dT%H%M%S.%fZ}"  # another runner's URIs
    at = Surroundings(args.node_id, run_id, args.state_root, args.model_folder)
    properties = call.properties
    try:
        if driver_class is not None:
            properties = {**properties, **_observed(driver_class, call.inputs, properties, at)}
        _executor(executor_class, beam_arguments, scratch, run_id).Do(call.inputs, call.outputs, properties)
    except DataGateError as stop:
        try:
            print(publish_report(call.inputs, {}, at, stop), flush=True)
        except Exception as error:  # must not hide why the run stops
            print(f"adclick: {args.node_id}: no report could be left: {error}", file=sys.stderr, flush=True)
        raise
    if args.node_id == "AnomalyGate":
        keep_references(call.inputs, at)
    if args.node_id == "CreativeTuner":
        keep_best_values(call.outputs, at)
    if args.node_id == "RunReport":
        print(publish_report(call.inputs, call.outputs, at), flush=True)
    write_outputs(call.outputs, call.output_file)


def _observed(driver_class: Any, inputs: dict[str, list[Any]], properties: dict[str, Any], at: Any) -> dict[str, Any]:
    """What the driver sees, which on one machine the runner asks it before the cache."""
    from components.drivers import REFERENCE_ROOT
    from pipeline.kubeflow.leaving import reference_root

    found: dict[str, Any] = driver_class(None).observe(
        inputs, {**properties, REFERENCE_ROOT: reference_root(at.state_root)}
    )
    return found


def _executor(executor_class: Any, beam_arguments: list[str], scratch: str, run_id: str) -> Any:
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.dsl.components.base.base_executor import BaseExecutor

    given = {"tmp_dir": scratch, "unique_id": "0", "pipeline_run_id": run_id}
    if issubclass(executor_class, BaseBeamExecutor):
        from pipeline.steady_batches import use_steady_batches

        use_steady_batches()
        context = BaseBeamExecutor.Context(beam_pipeline_args=beam_arguments, **given)
    else:
        context = BaseExecutor.Context(extra_flags=beam_arguments, **given)
    return executor_class(context)


if __name__ == "__main__":
    sys.exit(main())
