"""Sampled requests and answers as TFRecords of `PredictionLog`, written by a thread of its own.

A file is written as `….partial` and renamed once it is whole. What the queue cannot hold is dropped and counted: the
log never holds up an answer. Values of fields marked pii, raw or hashed, are not in it.
"""

from __future__ import annotations

import logging
import os
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
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

_log = logging.getLogger(__name__)


class Logged(NamedTuple):
    """A request as the model got it."""

    rows: Sequence[Sequence[Value]]
    answers: Sequence[Answer]
    time_s: int


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
        """Writes what is queued and closes the file."""
        self._ending.set()
        self._thread.join()

    def _write_files(self) -> None:
        while not (self._ending.is_set() and self._queue.empty()):
            try:
                first = self._queue.get(timeout=_TICK_S)
            except queue.Empty:
                continue
            try:
                self._write_file(first)
            except OSError as error:
                self.failed += 1
                _log.error("the request log in %s cannot be written: %s", self._folder, error.strerror or error)

    def _write_file(self, first: Logged) -> None:
        self._files += 1
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        path = self._folder / f"requests-{stamp}-{os.getpid()}-{self._files:06}.tfrecord.gz"
        partial = path.with_name(path.name + PARTIAL)
        with partial.open("xb") as stream:
            write_gzip_records(stream, self._records(first))
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)

    def _records(self, first: Logged) -> Iterator[bytes]:
        """Records of one file: until it is large or old enough, or the log ends."""
        deadline_s = time.monotonic() + self._settings.max_file_age_s
        size_bytes, logged = 0, first
        while True:
            record = self._record(logged)
            size_bytes += len(record)
            self.written += 1
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
