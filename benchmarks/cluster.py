"""The compiled pipeline on the simulated sample, in containers of an installed wheel, twice: how long it takes.

    python -m benchmarks.cluster [--sample data/sample] [--runs 2]

Kubeflow's launcher is the tests' emulator (tests/kubeflow/launcher), two containers at a time. Prints one JSON line:
seconds to compile, and for each run its state, wall and CPU seconds, the version pushed and its baseline.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
_COMPILE_TIMEOUT_S = 120


def main() -> None:
    """Parses, runs, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=Path, default=Path("data/sample"), help="folder that `adclick simulate` made")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in adclick run")
    arguments = parser.parse_args()
    if not (arguments.sample / "data").is_dir():
        sys.exit(f"{arguments.sample}/data is missing: `make run` makes it, or name another sample")
    sys.path[:0] = [str(PROJECT / "tests" / "kubeflow"), str(PROJECT / "tests" / "e2e")]
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(measure(arguments, Path(scratch))))


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All figures of one call; `folder` holds the installation, the cluster and the volume."""
    from launcher.run import Cluster, run
    from wheel_prefix import install_wheel

    volume, package = folder / "volume", folder / "pipeline.yaml"
    (volume / "data").parent.mkdir()
    (volume / "data").symlink_to((arguments.sample / "data").resolve())
    prefix = install_wheel(folder)
    environment = {"PATH": f"{prefix.programs}{os.pathsep}{os.defpath}"}
    kubeflow = {"image": "registry.example/adclick:1", "volumes": [{"claim": "shared", "path": str(volume)}]}
    settings = [
        f"kubeflow={json.dumps(kubeflow)}", f"data.root={volume}/data", f"pipeline_root={volume}/root",
        f"push.root={volume}/models", *arguments.set,
    ]  # fmt: skip
    words = [word for setting in settings for word in ("--set", setting)]
    started_s = time.perf_counter()
    command = [prefix.programs / "adclick", "kubeflow", "compile", *words, "--output", package]
    subprocess.run(command, check=True, cwd=folder, env=environment, timeout=_COMPILE_TIMEOUT_S, stdout=sys.stderr)
    figures: dict[str, Any] = {
        "benchmark": "cluster",
        "compile_s": round(time.perf_counter() - started_s, 1),
        "runs": [],
    }
    cluster = Cluster(folder / "cluster", environment, {}, {"shared": volume})
    for _ in range(arguments.runs):
        known = _reports(volume)
        started_s, started_cpu_s = time.perf_counter(), _children_cpu_s()
        done = run(package, cluster)
        wall_s, cpu_s = time.perf_counter() - started_s, _children_cpu_s() - started_cpu_s
        sys.stderr.write(f"{done.table()}\n")
        (report,) = _reports(volume) - known
        summary = json.loads((report / "summary.json").read_text(encoding="utf-8"))
        figures["runs"].append(
            {
                "succeeded": done.succeeded,
                "wall_s": round(wall_s, 1),
                "cpu_s": round(cpu_s, 1),
                "pushed_version": summary["pushed_version"],
                "baseline": (summary["baseline"] or {}).get("version"),
                "auc": summary["metrics"]["auc"],
            }
        )
    return figures


def _reports(volume: Path) -> set[Path]:
    folder = volume / "root" / "reports"
    return set(folder.iterdir()) if folder.is_dir() else set()


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
