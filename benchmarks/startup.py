"""CPU time from the command to the first component, as a multiple of a bare `import tensorflow` in the same run.

Prints one JSON line. Both are whole processes, taken in turns, since one machine's speed drifts.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 5
PROJECT = Path(__file__).resolve().parent.parent
# What `adclick run` does before its first component; the driver of that component then looks at the files.
START = """
import sys
from pathlib import Path
from adclick.stack import prepare_environment
from adclick.lazy_imports import postpone_heavy_leaves
from configs.loading import load_settings
from pipeline.locations import locations
settings = load_settings(None, [f"output_root={sys.argv[1]}"])
prepare_environment()
postpone_heavy_leaves()
from adclick.garbage import no_collection
with no_collection():
    import adclick.local_run
    from pipeline.create import create_pipeline
    pipeline = create_pipeline(settings, locations(settings))
from tfx.dsl.compiler.compiler import Compiler
Compiler().compile(pipeline)
"""


def cpu_seconds(*arguments: str) -> float:
    """User and system CPU seconds of a Python process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, cwd=PROJECT, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Prints medians and the ratio of pairs."""
    with tempfile.TemporaryDirectory() as output:
        pairs = [(cpu_seconds("-c", "import tensorflow"), cpu_seconds("-c", START, output)) for _ in range(ROUNDS + 1)]
    bare, start = zip(*pairs[1:], strict=True)  # the first pair warms the disk
    print(
        json.dumps(
            {
                "benchmark": "startup",
                "rounds": ROUNDS,
                "import_tensorflow_cpu_s": round(statistics.median(bare), 2),
                "first_component_cpu_s": round(statistics.median(start), 2),
                "ratio_median": round(statistics.median(s / b for b, s in pairs[1:]), 3),
                "ratio_max": round(max(s / b for b, s in pairs[1:]), 3),
            }
        )
    )


if __name__ == "__main__":
    main()
