"""The fast Evaluator and stock TFMA on the same rows, metrics and slices, in turn, each in its own process.

Prints one JSON line: wall and CPU seconds from scores to results (imports and the models apart, which both routes run
alike), the ratio, and the greatest difference between the two routes' values. Only the fast route has intervals.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.evaluator_rows import SLICE_COLUMNS, config_of, rows_of


def cpu_s() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def fast(folder: Path, n_rows: int, baseline: bool) -> dict[str, Any]:
    """The fast route from scores and columns to TFMA's files, with intervals and paired differences."""
    import pyarrow as pa

    from components.evaluator.fast_evaluation import evaluate
    from components.evaluator.measuring import as_json, measure
    from components.evaluator.slices import encode, slicings

    _import_stack()
    config, rows = config_of(baseline=baseline), rows_of(n_rows)
    scores = {name: one for name, one in rows.scores.items() if baseline or name != "baseline"}
    started, cpu = time.perf_counter(), cpu_s()
    encoded = {name: encode(pa.chunked_array([pa.array(rows.columns[name])]), name) for name in SLICE_COLUMNS}
    measured = measure(scores, slicings(encoded, [(name,) for name in SLICE_COLUMNS], n_rows))
    evaluate(config, measured, str(folder), "rows", {})
    json.dumps(as_json(measured))
    return {"wall_s": time.perf_counter() - started, "cpu_s": cpu_s() - cpu}


def stock(folder: Path, n_rows: int, baseline: bool) -> dict[str, Any]:
    """TFMA on Beam's own runner, with the scores among the columns as predictions, so that no model is run."""
    import pandas as pd
    import tensorflow_model_analysis as tfma

    _import_stack()
    config, rows = config_of(baseline=baseline), rows_of(n_rows)
    frame = pd.DataFrame({**rows.scores, **rows.columns})
    started, cpu = time.perf_counter(), cpu_s()
    tfma.analyze_raw_data(frame, config, output_path=str(folder))
    return {"wall_s": time.perf_counter() - started, "cpu_s": cpu_s() - cpu}


def _import_stack() -> None:
    import tensorflow  # noqa: F401 - loads what both routes need before the clock starts
    import tensorflow_model_analysis  # noqa: F401


def values_of(folder: Path) -> dict[tuple[Any, str, str, bool], float]:
    """(slice, metric, model, is a difference) to value, as TFMA's loader reads it."""
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.metrics import metric_types

    found = {}
    for record in tfma.load_metrics(str(folder)):
        key = tuple(
            (one.column, one.bytes_value.decode() or one.int64_value) for one in record.slice_key.single_slice_keys
        )
        for pair in record.metric_keys_and_values:
            name = metric_types.MetricKey.from_proto(pair.key)
            found[key, name.name, name.model_name, name.is_diff] = pair.value.double_value.value
    return found


def greatest_difference(one: dict[Any, float], other: dict[Any, float]) -> tuple[float, str]:
    """Over all values of both; NaN equals NaN."""
    if one.keys() != other.keys():
        raise SystemExit(f"the routes wrote different values: {sorted(map(str, one.keys() ^ other.keys()))[:5]}")
    keys = list(one)
    gaps = np.abs(np.array([one[key] for key in keys]) - np.array([other[key] for key in keys]))
    both = [np.isnan(one[key]) and np.isnan(other[key]) for key in keys]
    gaps = np.where(both, 0.0, np.nan_to_num(gaps, nan=np.inf))
    worst = int(np.argmax(gaps))
    return float(gaps[worst]), str(keys[worst])


def main() -> None:
    """Runs both and prints the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--baseline", action="store_true", help="two models and their differences; stock takes twice")
    parser.add_argument("--only", choices=["fast", "stock"], help="internal: one route in this process")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    from adclick.stack import prepare_environment

    prepare_environment()
    if options.only:
        print(json.dumps({"fast": fast, "stock": stock}[options.only](options.folder, options.rows, options.baseline)))
        return
    figures: dict[str, Any] = {"benchmark": "evaluator", "rows": options.rows, "slice_columns": len(SLICE_COLUMNS)}
    figures["models"] = 2 if options.baseline else 1
    with tempfile.TemporaryDirectory() as place:
        for route in ("fast", "stock"):
            folder = Path(place) / route
            folder.mkdir()
            command = [sys.executable, "-m", "benchmarks.evaluator", "--only", route, "--folder", str(folder)]
            command += ["--baseline"] if options.baseline else []
            done = subprocess.run([*command, "--rows", str(options.rows)], check=True, capture_output=True, text=True)
            figures[route] = {key: round(one, 2) for key, one in json.loads(done.stdout.splitlines()[-1]).items()}
        found = {route: values_of(Path(place) / route) for route in ("fast", "stock")}
        figures["values"] = len(found["fast"])
        figures["greatest_difference"], figures["at"] = greatest_difference(found["fast"], found["stock"])
    figures["ratio_wall"] = round(figures["stock"]["wall_s"] / figures["fast"]["wall_s"], 1)
    figures["ratio_cpu"] = round(figures["stock"]["cpu_s"] / figures["fast"]["cpu_s"], 1)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
