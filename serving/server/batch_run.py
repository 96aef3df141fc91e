"""One batch through the model: merge, run, split. Plain functions, for whichever thread runs them."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

import numpy as np

from serving.protocol.prepared_call import Outputs, Work
from serving.request_error import Code, RequestError
from serving.server.batch_arrays import check_outputs, merge, split
from serving.server.batch_queue import Waiting
from serving.server.batching_parameters import BatchingParameters

_log = logging.getLogger(__name__)

Outcome = Outputs | RequestError


def run_batch(batch: Sequence[Waiting], parameters: BatchingParameters | None) -> list[Outcome]:
    """What became of each run of `batch`, in order; sets their `run_s` and `cpu_s`. Never raises.

    A merged run that fails is made again one by one, so that one bad request never fails its neighbours.
    """
    started_s, started_cpu_s = time.perf_counter(), time.thread_time()
    try:
        if parameters is None:
            outcomes: list[Outcome] = [_run(waiting, waiting.work) for waiting in batch]
        elif len(batch) == 1:
            outcomes = [_run_single(batch[0], parameters)]
        else:
            outcomes = [*_run_merged(batch, parameters)]
    except RequestError as error:
        outcomes = [error] if len(batch) == 1 else [run_batch([waiting], parameters)[0] for waiting in batch]
    except Exception as error:
        _log.exception("Running signature %s failed unexpectedly", batch[0].work.signature.name)
        outcomes = [RequestError(Code.INTERNAL, f"{type(error).__name__}: {error}")] * len(batch)
    run_s, cpu_s = time.perf_counter() - started_s, time.thread_time() - started_cpu_s
    for waiting in batch:
        waiting.run_s, waiting.cpu_s = run_s, cpu_s
    return outcomes


def _run(waiting: Waiting, work: Work) -> Outputs:
    outputs: Outputs = waiting.lease.servable.model.run(work.signature, work.inputs, work.outputs)
    return outputs


def _run_merged(batch: Sequence[Waiting], parameters: BatchingParameters) -> Sequence[Outputs]:
    sizes = [waiting.rows for waiting in batch]
    rows = sum(sizes)
    padded_rows = parameters.padded_rows(rows)
    inputs = merge([waiting.work.inputs for waiting in batch], rows, padded_rows, parameters.pad_variable_length_inputs)
    first = batch[0].work
    outputs = _run(batch[0], Work(first.signature, inputs, first.outputs))
    return split(outputs, sizes, padded_rows)


def _run_single(waiting: Waiting, parameters: BatchingParameters) -> Outputs:
    work, rows = waiting.work, waiting.rows
    limit = parameters.max_execution_batch_size
    if rows > limit:
        return _run_in_parts(waiting, parameters, limit)
    padded_rows = parameters.padded_rows(rows) if rows else rows
    if padded_rows == rows:
        outputs = _run(waiting, work)
        check_outputs(outputs, rows)
        return outputs
    outputs = _run(waiting, Work(work.signature, merge([work.inputs], rows, padded_rows), work.outputs))
    return split(outputs, [rows], padded_rows)[0]


def _run_in_parts(waiting: Waiting, parameters: BatchingParameters, limit: int) -> Outputs:
    """Rows beyond the largest execution size (`enable_large_batch_splitting`), one part after the other."""
    work, parts = waiting.work, []
    for start in range(0, waiting.rows, limit):
        inputs = {alias: array[start : start + limit] for alias, array in work.inputs.items()}
        rows = min(limit, waiting.rows - start)
        padded_rows = parameters.padded_rows(rows)
        outputs = _run(waiting, Work(work.signature, merge([inputs], rows, padded_rows), work.outputs))
        parts.append(split(outputs, [rows], padded_rows)[0])
    return {alias: np.concatenate([part[alias] for part in parts]) for alias in parts[0]}
