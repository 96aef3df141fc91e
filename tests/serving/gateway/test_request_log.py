"""The request log as files: whole or partial, rotated, read back with tf.data."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from configs.gateway import RequestLog
from serving.gateway.model_calls import Answer
from serving.gateway.request_log import RequestLogger
from serving.gateway.row_checks import ModelInput

INPUTS = (
    ModelInput("bid", "DT_FLOAT", False),
    ModelInput("email_hashed", "DT_STRING", True),
    ModelInput("image_bytes", "DT_STRING", False),
)


def logger(folder: Path, draws: list[float] | None = None, **settings: object) -> RequestLogger:
    config = RequestLog.model_validate({"sampled_share": 1.0, **settings})
    drawn = iter(draws or [])
    return RequestLogger(config, folder, "click", INPUTS, 2, (lambda: next(drawn)) if draws else (lambda: 0.0))


def offer(log: RequestLogger, bid: float) -> None:
    log.offer([[bid, b"personal", b"image"]], [Answer(bid / 10, "image", 3)])


def bids(folder: Path) -> list[float]:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    files = sorted(str(path) for path in folder.glob("*.tfrecord.gz"))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    for log in logs:
        (probability,) = tf.make_ndarray(log.predict_log.response.outputs["click_probability"])
        (bid,) = tf.make_ndarray(log.predict_log.request.inputs["bid"])
        assert probability == pytest.approx(bid / 10)
        assert tf.make_ndarray(log.predict_log.response.outputs["creative_status"]).tolist() == [b"image"]
    return [log.predict_log.request.inputs["bid"].float_val[0] for log in logs]


def test_files_are_rotated_by_size_and_read_back_in_order(tmp_path: Path) -> None:
    log = logger(tmp_path, max_file_bytes=1024)
    log.start()
    for bid in range(40):
        offer(log, float(bid))
    log.stop()
    assert bids(tmp_path) == [float(bid) for bid in range(40)]
    files = list(tmp_path.iterdir())
    assert len(files) > 3  # a record has some 200 bytes, a file takes 1024
    assert not [path for path in files if path.suffix == ".partial"]
    assert (log.written, log.dropped, log.failed) == (40, 0, 0)


def test_a_file_is_closed_by_age_while_nothing_comes(tmp_path: Path) -> None:
    log = logger(tmp_path, max_file_age_s=0.3)
    log.start()
    offer(log, 1.0)
    deadline_s = time.monotonic() + 10
    while not list(tmp_path.glob("*.partial")):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    while list(tmp_path.glob("*.partial")):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    assert bids(tmp_path) == [1.0]
    log.stop()


def test_what_the_queue_cannot_hold_is_dropped_and_counted(tmp_path: Path) -> None:
    log = logger(tmp_path, max_queued=5)  # not started: nobody takes records out
    for bid in range(8):
        offer(log, float(bid))
    assert log.dropped == 3
    log.start()
    log.stop()
    assert bids(tmp_path) == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_the_share_is_drawn(tmp_path: Path) -> None:
    log = logger(tmp_path, [0.24, 0.25, 0.9, 0.1], sampled_share=0.25)
    for bid in range(4):
        offer(log, float(bid))
    log.start()
    log.stop()
    assert bids(tmp_path) == [0.0, 3.0]


def test_a_folder_that_is_gone_is_made_again(tmp_path: Path) -> None:
    log = logger(tmp_path / "log")
    (tmp_path / "log").rmdir()
    log.start()
    offer(log, 1.0)
    log.stop()
    assert bids(tmp_path / "log") == [1.0]


def test_a_folder_that_cannot_be_written_is_tried_now_and_then_and_loses_records_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "log"
    log = logger(folder, max_queued=5)
    folder.rmdir()
    folder.touch()
    log.start()
    deadline_s = time.monotonic() + 10
    while not log.failed:
        offer(log, 1.0)
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    for bid in range(100):
        offer(log, float(bid))
    assert log.failed == 1  # not once for each record
    assert len(caplog.records) == 1
    assert log.dropped >= 95
    folder.unlink()
    started_s = time.monotonic()
    log.stop()  # ends the pause, and writes what is left
    assert time.monotonic() - started_s < 4
    assert len(bids(folder)) == log.written == 5


def test_a_disk_that_fills_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    log = logger(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    log.start()
    offer(log, 1.0)
    log.stop()
    assert (log.written, log.dropped, log.failed) == (0, 1, 1)
    assert not list(tmp_path.iterdir())
