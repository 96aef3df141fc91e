"""Batches whose size follows from the data alone.

TFX's readers let Beam tune batch sizes by the clock. Vectorised arithmetic rounds differently at a batch's tail, so the
same data gave other last digits, and another model, from run to run. tfx_bsl has a flag for batches by bytes, of up to
8,192 rows (tfx_bsl/coders/batch_util.py).
"""

from __future__ import annotations

import sys

FLAG = "tfxio_use_byte_size_batching"


def use_steady_batches() -> None:
    """Sets tfx_bsl's flag in this process; every process that runs Beam components needs it."""
    from absl import flags
    from tfx_bsl.coders import batch_util  # defines the flag

    if FLAG not in flags.FLAGS:
        raise RuntimeError(f"{batch_util.__file__}: no longer defines --{FLAG}: look for its successor")
    flags.FLAGS([sys.argv[0], f"--{FLAG}=true"])
