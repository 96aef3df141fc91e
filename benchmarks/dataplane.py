"""From CSV to transformed Examples: stock TFX and adclick on the same simulated rows, in the same run.

Prints one JSON line: CPU and wall seconds of ExampleGen, StatisticsGen and Transform, peak memory, bytes written, the
ratios, and whether statistics and transformed values agree. With --images both also carry the creatives: stock TFX as
image bytes in each Example, decoded by Transform; adclick in its creative store (no values are compared there, since
the two hold different things). Each way runs in a process of its own; imports are not counted. Stock TFX gets our
preprocessing as its module file, and its defaults otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.peers.dataplane_data import IMAGE_SIZE, SIZE, write_columns_data, write_image_data

PROJECT = Path(__file__).resolve().parent.parent
WAYS = ("stock", "adclick")


def main() -> None:
    """Measures both ways in turn and compares what they left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, help=f"default: {SIZE.impressions}, with --images {IMAGE_SIZE.impressions}")
    parser.add_argument("--images", action="store_true", help="impressions with their creatives; stock needs 12 GB")
    parser.add_argument("--only", choices=WAYS, help="measure one way, so no ratios")
    parser.add_argument("--keep", type=Path, help="folder for data and artifacts; removed after the run if not given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        write = write_image_data if arguments.images else write_columns_data
        about = write(folder / "data", arguments.rows)
        ways = (arguments.only,) if arguments.only else WAYS
        report: dict[str, Any] = {"benchmark": "dataplane", "images": arguments.images, **about}
        for way in ways:
            report[way] = run(way, folder, arguments.images)
        if not arguments.only:
            report["ratios"] = ratios(report["stock"], report["adclick"])
            if not arguments.images:
                from benchmarks.peers.dataplane_parity import parity

                report["parity"] = parity(folder)
    print(json.dumps(report))


def run(way: str, folder: Path, images: bool) -> dict[str, Any]:
    """One way's figures, from a fresh process."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.peers.dataplane_ways",
        way,
        str(folder),
        *(["--images"] if images else []),
    ]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{way} failed:\n{done.stderr[-4000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def ratios(stock: dict[str, Any], adclick: dict[str, Any]) -> dict[str, float]:
    """Stock divided by adclick; component by component where both have it."""
    whole = {key: round(stock[key] / adclick[key], 2) for key in ("cpu_s", "wall_s", "bytes_written", "peak_mb")}
    parts = {
        f"{part}_cpu_s": round(stock["components"][part]["cpu_s"] / adclick["components"][part]["cpu_s"], 2)
        for part in ("ExampleGen", "StatisticsGen", "Transform")
    }
    return {**whole, **parts}


if __name__ == "__main__":
    main()
