"""Sampled requests and answers as TFRecords of `PredictionLog`, written by a thread of its own.

A file is written as `….partial` and renamed once it is whole. What the queue cannot hold is dropped and counted: the
log never holds up an answer. Values of fields marked pii, raw or hashed, are not in it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from components.example_gen.tfrecords import write_gzip_records
from configs.gateway import RequestLog
from serving.clients.client_columns import OUTPUT, PREDICT_SIGNATURE
from serving.gateway.field_checks import Value
from serving.gateway.messages import DT_FLOAT, DT_STRING, messages
from serving.gateway.model_calls import CREATIVE_STATUS, Answer, fill_inputs
from serving.gateway.row_checks import ModelInput

PARTIAL = ".partial"
_TICK_S = 0.2
_FAILED_PAUSE_S = 5.0
_STOP_S = 10.0  # a disk that hangs must not keep the process

_log = logging.getLogger(__name__)


class Logged(NamedTuple):
    """A request as the model got it."""

    rows: Sequence[Sequence[Value]]
    answers: Sequence[Answer]
    time_s: int


@dataclass
class _Count:
    """Records that a file has taken so far."""

    records: int = 0


class RequestLogger:
    """Takes records without waiting; `start` and `stop` frame the thread that writes them."""

    def __init__(
        self,
        settings: RequestLog,
        folder: Path,
        model_name: str,
        inputs: Sequence[ModelInput],
        image_place: int,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`folder`: where the files go; made where it is missing. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self._settings, self._folder, self._model_name = settings, folder, model_name
        hidden = -1 if settings.image_bytes else image_place
        self._places = [i for i, each in enumerate(inputs) if not each.private and i != hidden]
        self._inputs = [inputs[place] for place in self._places]
        self._draw = draw
        self._queue: queue.Queue[Logged] = queue.Queue(settings.max_queued)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._write_files, name="request-log", daemon=True)
        self._files = 0
        self.written = self.dropped = self.failed = 0

    def start(self) -> None:
        """Starts writing."""
        self._thread.start()

    def offer(self, rows: Sequence[Sequence[Value]], answers: Sequence[Answer]) -> None:
        """Logs the request if it is drawn and the queue has room."""
        if self._draw() >= self._settings.sampled_share:
            return
        try:
            self._queue.put_nowait(Logged(rows, answers, int(time.time())))
        except queue.Full:
            self.dropped += 1

    def stop(self) -> None:
        """Writes what is queued and closes the file, as far as the disk lets it."""
        self._ending.set()
        self._thread.join(_STOP_S)

    def _write_files(self) -> None:
        while not (self._ending.is_set() and self._queue.empty()):
            try:
                first = self._queue.get(timeout=_TICK_S)
            except queue.Empty:
                continue
            try:
                self._write_file(first)
            except Exception as error:  # whatever it is, the thread goes on: nobody else empties the queue
                self.failed += 1
                said = (isinstance(error, OSError) and error.strerror) or repr(error)
                _log.error("the request log in %s cannot be written: %s", self._folder, said)
                self._ending.wait(_FAILED_PAUSE_S)  # else each record would be one more try, and one more line

    def _write_file(self, first: Logged) -> None:
        self._files += 1
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        path = self._folder / f"requests-{stamp}-{os.getpid()}-{self._files:06}.tfrecord.gz"
        partial = path.with_name(path.name + PARTIAL)
        taken = _Count()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)  # who clears old logs away may take the folder too
            with partial.open("xb") as stream:
                write_gzip_records(stream, self._records(first, taken))
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(path)
        except BaseException:
            self.dropped += max(1, taken.records)
            with contextlib.suppress(OSError):
                partial.unlink()  # half a file of a full disk is of no use, and takes room
            raise
        self.written += taken.records

    def _records(self, first: Logged, taken: _Count) -> Iterator[bytes]:
        """Records of one file: until it is large or old enough, or the log ends."""
        deadline_s = time.monotonic() + self._settings.max_file_age_s
        size_bytes, logged = 0, first
        while True:
            record = self._record(logged)
            size_bytes += len(record)
            taken.records += 1
            yield record
            if size_bytes >= self._settings.max_file_bytes:
                return
            while True:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or (self._ending.is_set() and self._queue.empty()):
                    return
                try:
                    logged = self._queue.get(timeout=min(left_s, _TICK_S))
                    break
                except queue.Empty:
                    continue

    def _record(self, logged: Logged) -> bytes:
        """A serialized PredictionLog."""
        log = messages().prediction_log()
        log.log_metadata.model_spec.name = self._model_name
        log.log_metadata.model_spec.version.value = logged.answers[0].version
        log.log_metadata.model_spec.signature_name = PREDICT_SIGNATURE
        log.log_metadata.sampling_config.sampling_rate = self._settings.sampled_share
        log.log_metadata.timestamp_secs = logged.time_s
        request, response = log.predict_log.request, log.predict_log.response
        for spec in (request.model_spec, response.model_spec):
            spec.CopyFrom(log.log_metadata.model_spec)
        fill_inputs(request, self._inputs, [[row[place] for place in self._places] for row in logged.rows])
        probability = response.outputs[OUTPUT]
        probability.dtype = DT_FLOAT
        probability.tensor_shape.dim.add().size = len(logged.answers)
        probability.float_val.extend(answer.click_probability for answer in logged.answers)
        if logged.answers[0].creative is not None:
            status = response.outputs[CREATIVE_STATUS]
            status.dtype = DT_STRING
            status.tensor_shape.dim.add().size = len(logged.answers)
            status.string_val.extend((answer.creative or "").encode() for answer in logged.answers)
        return bytes(log.SerializeToString())
