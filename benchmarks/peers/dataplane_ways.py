"""One way from CSV to transformed Examples, measured: `dataplane_ways stock|adclick FOLDER`, run as a module."""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

MODULE_FILE = """
from trainer.preprocessing import preprocessing_fn as ours

def preprocessing_fn(inputs, custom_config):
    return ours(inputs, custom_config)
"""
COUNTED = {"ExampleGen", "StatisticsGen", "Transform"}
ARTIFACTS = {"examples", "columns", "ingest_report", "statistics", "span_statistics", "transformed_examples"}
WITH_IMAGES, ARTIFACTS_WITH_IMAGES = COUNTED | {"CreativeGen"}, ARTIFACTS | {"creative_store"}


class EnoughError(Exception):
    """The benchmark ends where training would begin."""


def cpu_s() -> float:
    """User and system seconds of this process and its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Prints the figures as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=("stock", "adclick"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", action="store_true")
    arguments = parser.parse_args()
    from adclick.stack import prepare_environment

    prepare_environment()
    with contextlib.redirect_stdout(sys.stderr):
        figures = measure(arguments.way, arguments.folder, arguments.images)
    print(json.dumps(figures))


def measure(way: str, folder: Path, images: bool) -> dict[str, Any]:
    """Runs the way's pipeline with everything imported beforehand."""
    from tfx.orchestration.portable import launcher

    output = folder / way
    if way == "stock":
        from tfx.orchestration.local.local_dag_runner import LocalDagRunner

        pipeline = stock_pipeline(folder, output, images)
        start = LocalDagRunner().run
    else:
        pipeline = adclick_pipeline(folder, output)
        start = run_adclick(output)
    counted, artifacts = (WITH_IMAGES, ARTIFACTS_WITH_IMAGES) if images else (COUNTED, ARTIFACTS)
    components: dict[str, dict[str, float]] = {}
    launch = launcher.Launcher.launch

    def timed(self: Any) -> Any:
        cpu, wall = cpu_s(), time.perf_counter()
        try:
            return launch(self)
        finally:
            name = self._pipeline_node.node_info.id.replace("Csv", "").replace("Ad", "").replace("ImageBytes", "")
            components[name] = {"cpu_s": round(cpu_s() - cpu, 2), "wall_s": round(time.perf_counter() - wall, 2)}

    launcher.Launcher.launch = timed
    try:
        with contextlib.suppress(EnoughError):
            start(pipeline)
    finally:
        launcher.Launcher.launch = launch
    written = [file for file in output.rglob("*") if file.is_file() and artifacts & set(file.parts)]
    peak_kib = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "cpu_s": round(sum(components[name]["cpu_s"] for name in counted & components.keys()), 2),
        "wall_s": round(sum(components[name]["wall_s"] for name in counted & components.keys()), 2),
        "peak_mb": round(peak_kib / 1024),
        "bytes_written": sum(file.stat().st_size for file in written),
        "components": components,
    }


def run_adclick(output: Path) -> Any:
    """adclick's own runner, as far as Transform."""
    from pipeline.local_runner import NodeResult, run_pipeline

    class UntilTransform:
        def planned(self, node_ids: list[str]) -> None:
            """Nothing to say."""

        def started(self, node_id: str) -> None:
            """Ends the run before the trainer."""
            if node_id == "CreativeTrainer":
                raise EnoughError

        def noted(self, node_id: str, text: str) -> None:
            """Nothing to say."""

        def finished(self, result: NodeResult) -> None:
            """Nothing to say."""

    (output / "logs").mkdir(parents=True)
    return lambda pipeline: run_pipeline(pipeline, "benchmark", output / "logs", UntilTransform())


def adclick_pipeline(folder: Path, output: Path) -> Any:
    """The graph of `adclick run`."""
    from benchmarks.peers.dataplane_data import EVAL_SHARE, TABLE
    from configs.settings import Settings
    from pipeline.create import create_pipeline
    from pipeline.locations import locations

    settings = Settings.model_validate(
        {
            "output_root": str(output),
            "data": {
                "root": str(folder / "data"),
                "pattern": "*/rows.csv",
                "split": {"by": "time", "eval_share": EVAL_SHARE},
            },
            "creatives": {"root": str(folder / "data")},
            "evaluation": {"slices": []},
            "features": TABLE.model_dump(),
        }
    )
    return create_pipeline(settings, locations(settings))


def stock_pipeline(folder: Path, output: Path, images: bool) -> Any:
    """What the tutorials show: ExampleGen, StatisticsGen, ExampleValidator, Transform with a module file."""
    from tfx import v1 as tfx
    from tfx.proto import example_gen_pb2

    from benchmarks.peers.dataplane_data import TABLE
    from configs.settings import SchemaSource
    from pipeline.table_schema import write_schema

    output.mkdir(parents=True)
    splits = [example_gen_pb2.Input.Split(name=name, pattern=f"{name}/*") for name in ("train", "eval")]
    inputs = example_gen_pb2.Input(splits=splits)
    schema_file = write_schema(SchemaSource(), TABLE, output / "schema")
    module = output / "module" / "preprocessing.py"
    module.parent.mkdir()
    module.write_text(MODULE_FILE)
    examples: Any = tfx.components.CsvExampleGen(str(folder / "data"), input_config=inputs)
    if images:
        from benchmarks.peers.stock_images import TRANSFORM_IMAGES, image_bytes_example_gen, with_image

        examples = image_bytes_example_gen(folder / "data", inputs)
        with_image(schema_file)
        module.write_text(TRANSFORM_IMAGES)
    statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
    schema = tfx.components.ImportSchemaGen(schema_file=str(schema_file))
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    transform = tfx.components.Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        module_file=str(module),
        custom_config={"features": TABLE.model_dump_json()},
    )
    return tfx.dsl.Pipeline(
        pipeline_name="stock",
        pipeline_root=str(output / "pipeline_root"),
        components=[examples, statistics, schema, validator, transform],
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(output / "metadata.db")
        ),
    )


if __name__ == "__main__":
    main()
