"""How requests are put together into batches: `--batching_parameters_file`.

Source: servables/tensorflow/session_bundle_config.proto (BatchingParameters), bundle_factory_util.h and
tensorflow/core/kernels/batching_util/shared_batch_scheduler.h.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from serving.server.text_proto import ConfigFileError, read_text_proto


def _cpus() -> int:
    return os.cpu_count() or 1


@dataclass(frozen=True)
class BatchingParameters:
    """Sizes in rows; defaults are the original's."""

    max_batch_size: int = 1000
    """Largest request, and largest batch unless large ones are split."""
    batch_timeout_s: float = 0.0
    """How long a batch that is not full waits for more although a thread is free; 0: not at all."""
    max_enqueued_batches: int = 10
    num_batch_threads: int = field(default_factory=_cpus)
    allowed_batch_sizes: Sequence[int] = ()
    """Batches are padded up to the next of these; empty: no padding."""
    pad_variable_length_inputs: bool = False
    max_execution_batch_size: int = 1000
    """Largest batch run; a larger request is split."""

    @property
    def max_enqueued_rows(self) -> int:
        """Rows that wait at most in one queue."""
        return self.max_enqueued_batches * self.max_execution_batch_size

    def padded_rows(self, rows: int) -> int:
        """The batch size that `rows` rows are padded to."""
        return next((size for size in self.allowed_batch_sizes if size >= rows), rows)


def read_batching_parameters(path: Path) -> BatchingParameters:
    """Parameters from a text-format BatchingParameters file.

    Raises:
        ConfigFileError: naming the file, the field and what is wrong with it.
    """
    message = read_text_proto(path, "BatchingParameters")

    def number(name: str, default: int, least: int) -> int:
        value: int = getattr(message, name).value if message.HasField(name) else default
        if value < least:
            raise ConfigFileError(f"{path}: {name} is {value}; give {least} or more")
        return value

    max_batch_size = number("max_batch_size", BatchingParameters.max_batch_size, 1)
    max_execution_batch_size = max_batch_size
    if message.enable_large_batch_splitting.value:
        max_execution_batch_size = number("max_execution_batch_size", max_batch_size, 1)
        if max_execution_batch_size > max_batch_size:
            raise ConfigFileError(
                f"{path}: max_execution_batch_size is {max_execution_batch_size}; with enable_large_batch_splitting "
                f"it must not exceed max_batch_size, {max_batch_size}"
            )
    allowed = list(message.allowed_batch_sizes)
    if allowed:
        if sorted(set(allowed)) != allowed or allowed[0] < 1:
            raise ConfigFileError(f"{path}: allowed_batch_sizes {allowed} must be positive and in increasing order")
        if allowed[-1] != max_execution_batch_size:
            raise ConfigFileError(
                f"{path}: Last entry in allowed_batch_sizes must match "
                f"{'max_execution_batch_size' if max_execution_batch_size != max_batch_size else 'max_batch_size'}; "
                f"last entry was {allowed[-1]}; expected {max_execution_batch_size}"
            )
    return BatchingParameters(
        max_batch_size=max_batch_size,
        batch_timeout_s=number("batch_timeout_micros", 0, 0) / 1e6,
        max_enqueued_batches=number("max_enqueued_batches", BatchingParameters.max_enqueued_batches, 1),
        num_batch_threads=number("num_batch_threads", _cpus(), 1),
        allowed_batch_sizes=tuple(allowed),
        pad_variable_length_inputs=message.pad_variable_length_inputs,
        max_execution_batch_size=max_execution_batch_size,
    )
