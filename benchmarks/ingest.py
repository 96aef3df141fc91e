"""AdExampleGen and stock CsvExampleGen on the same simulated CSV: CPU and wall seconds, memory, bytes written.

Prints one JSON line. Each measured run is a process of its own; what is timed is the component's driver and executor,
imports excluded. The data is the simulator's, cut to 13 columns, with a quoted newline in every hundredth row.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
COLUMNS = (
    "impression_id",
    "timestamp",
    "user_id",
    "user_age",
    "user_segment",
    "user_ctr_30d",
    "country",
    "device",
    "site_id",
    "position",
    "bid_price",
    "image_path",
    "clicked",
)
QUOTED_EVERY = 100
CREATIVES = 200
SUBJECTS = ("stock", "adclick")


def main() -> None:
    """Measures in turns and prints medians and ratios of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--repeats", type=int, default=1, help="interleaved runs of each component")
    parser.add_argument("--split", choices=("time", "hash"), default="time", help="how AdExampleGen splits")
    parser.add_argument("--only", choices=SUBJECTS, help="measure one component, so no ratios")
    parser.add_argument("--measure", choices=SUBJECTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.folder, arguments.split)))
        return
    subjects = (arguments.only,) if arguments.only else SUBJECTS
    with tempfile.TemporaryDirectory() as folder:
        csv_bytes = write_data(Path(folder), arguments.rows)
        runs: dict[str, list[dict[str, float]]] = {subject: [] for subject in subjects}
        for _ in range(arguments.repeats):
            for subject in subjects:
                runs[subject].append(run_process(subject, Path(folder), arguments.split))
    report: dict[str, Any] = {
        "benchmark": "ingest",
        "rows": arguments.rows,
        "columns": len(COLUMNS),
        "csv_bytes": csv_bytes,
        "split": arguments.split,
        "repeats": arguments.repeats,
    }
    for subject, measured in runs.items():
        report[subject] = {key: round(statistics.median(run[key] for run in measured), 3) for key in measured[0]}
    if not arguments.only:
        report["cpu_ratio"] = round(report["stock"]["cpu_s"] / report["adclick"]["cpu_s"], 2)
        report["wall_ratio"] = round(report["stock"]["wall_s"] / report["adclick"]["wall_s"], 2)
    print(json.dumps(report))


def write_data(folder: Path, rows: int) -> int:
    """One month of simulated impressions as data/month-1/impressions.csv; returns its bytes."""
    from simulator.command import USERS_PER_IMPRESSION
    from simulator.population import Size
    from simulator.simulation import simulate

    sample = folder / "sample"
    users = max(20, round(USERS_PER_IMPRESSION * rows))
    simulate(Size(rows, CREATIVES, 1, users, 7), sample, force=False, progress=lambda _what, _done, _total: None)
    source, target = sample / "data" / "month-1" / "impressions.csv", folder / "data" / "month-1" / "impressions.csv"
    target.parent.mkdir(parents=True)
    with source.open(newline="", encoding="utf-8") as read, target.open("w", newline="", encoding="utf-8") as write:
        reader, writer = csv.DictReader(read), csv.writer(write, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number, row in enumerate(reader):
            if number % QUOTED_EVERY == 0:
                row["user_segment"] += "\nwith a second line"
            writer.writerow([row[column] for column in COLUMNS])
    source.unlink()
    return target.stat().st_size


def run_process(subject: str, folder: Path, split: str) -> dict[str, float]:
    """One measured run in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.ingest", "--measure", subject, "--folder", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [*command, "--split", split], capture_output=True, text=True, cwd=PROJECT, env=environment, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{subject} failed:\n{done.stderr[-4000:]}")
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def measure(subject: str, folder: Path, split: str) -> dict[str, float]:
    """Driver and executor of one component; everything is imported before the clock starts."""
    from adclick.stack import prepare_environment

    prepare_environment()
    with tempfile.TemporaryDirectory(dir=folder) as output, contextlib.redirect_stdout(sys.stderr):
        target = Path(output)
        stock = subject == "stock"
        work = prepare_stock(folder / "data", target) if stock else prepare_adclick(folder / "data", target, split)
        imported_mb = peak_mb()
        with sampled_tree_mb() as tree_mb:
            cpu, wall = cpu_s(), time.perf_counter()
            work()
            measured = {"cpu_s": cpu_s() - cpu, "wall_s": time.perf_counter() - wall, "peak_mb": peak_mb()}
        measured |= {"tree_peak_mb": max(map(sum, tree_mb)), "processes": max(map(len, tree_mb))}
        files = [file for file in (Path(output) / "examples").rglob("*") if file.is_file()]
        return {
            **measured,
            "imported_mb": imported_mb,
            "bytes_written": sum(file.stat().st_size for file in files),
            "files_written": len(files),
            "rows_written": count_records(files),
        }


def prepare_stock(data: Path, output: Path) -> Any:
    """CsvExampleGen with its default split, fed as its driver feeds it."""
    from tfx.components.example_gen import utils
    from tfx.components.example_gen.csv_example_gen.executor import Executor
    from tfx.proto import example_gen_pb2
    from tfx.types import standard_artifacts
    from tfx.utils import proto_utils

    inputs = example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="single_split", pattern="month-1/*")])
    outputs = utils.make_default_output_config(inputs)

    def work() -> None:
        fingerprint, _, _ = utils.calculate_splits_fingerprint_span_and_version(str(data), inputs.splits)
        examples = standard_artifacts.Examples()
        examples.uri = str(output / "examples")
        properties = {
            "input_base": str(data),
            "input_config": proto_utils.proto_to_json(inputs),
            "output_config": proto_utils.proto_to_json(outputs),
            "output_data_format": example_gen_pb2.FORMAT_TF_EXAMPLE,
            "output_file_format": 5,  # FORMAT_TFRECORDS_GZIP, CsvExampleGen's default
            "input_fingerprint": fingerprint,
        }
        Executor(context(output)).Do({}, {"examples": [examples]}, properties)

    return work


def prepare_adclick(data: Path, output: Path, split: str) -> Any:
    """AdExampleGen as the pipeline wires it, with the base settings' entries for the 13 columns."""
    from tfx.types import standard_artifacts

    from components.artifacts import Columns, IngestReport
    from components.example_gen import example_writing  # noqa: F401 - imported late by the executor
    from components.example_gen.driver import AdExampleGenDriver
    from components.example_gen.executor import AdExampleGenExecutor
    from configs.features import FeatureTable
    from configs.loading import load_settings
    from configs.settings import Data, Split

    table = FeatureTable.model_validate([feature for feature in load_settings().features if feature.name in COLUMNS])
    rule = Split() if split == "time" else Split(by="hash", column="user_id")
    settings = Data(root=str(data), split=rule)
    properties = {
        "data": settings.model_dump_json(exclude={"limits"}),
        "min_rows": 100,
        "features": table.model_dump_json(),
        "code": "",
    }

    def work() -> None:
        observed = AdExampleGenDriver.observe(AdExampleGenDriver.__new__(AdExampleGenDriver), {}, properties)
        outputs = {"examples": standard_artifacts.Examples(), "columns": Columns(), "ingest_report": IngestReport()}
        for name, artifact in outputs.items():
            artifact.uri = str(output / name)
            Path(artifact.uri).mkdir()
        lists = {name: [artifact] for name, artifact in outputs.items()}
        AdExampleGenExecutor(context(output)).Do({}, lists, {**properties, **observed})

    return work


def context(output: Path) -> Any:
    """What the launcher gives a Beam executor; no Beam arguments, as on the local runner."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

    return BaseBeamExecutor.Context(beam_pipeline_args=[], tmp_dir=str(output / "tmp"), unique_id="1")


def cpu_s() -> float:
    """User and system CPU seconds of this process and its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak_mb() -> float:
    """Most memory that this process has held, in MiB; Linux's ru_maxrss would count what the parent held too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


@contextlib.contextmanager
def sampled_tree_mb() -> Iterator[list[list[float]]]:
    """Resident MiB of this process and each of its children, five times a second; what they share counts in each."""
    import psutil

    samples: list[list[float]] = []
    own, ended = psutil.Process(), threading.Event()

    def sample() -> None:
        while not ended.wait(0.2) or not samples:
            held = [own.memory_info().rss]
            for child in own.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    held.append(child.memory_info().rss)
            samples.append([one / (1 << 20) for one in held])

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield samples
    finally:
        ended.set()
        sampler.join()


def count_records(files: list[Path]) -> int:
    """Records in gzipped TFRecord files."""
    import tensorflow as tf

    dataset = tf.data.TFRecordDataset([str(file) for file in files], compression_type="GZIP").batch(10_000)
    return sum(int(tf.size(batch)) for batch in dataset)


if __name__ == "__main__":
    main()
