"""Warm-up records on a real model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from serving.models.loader import LoadedModel, load_saved_model
from serving.models.manager_options import ManagerOptions
from serving.models.model_loader import model_loader
from serving.models.warmup import MAX_RECORDS, WARMUP_FILE, warm_up
from serving.protocol import grpc_verbs
from serving.request_error import Code, RequestError


@pytest.fixture(scope="module")
def model(exported: Path) -> LoadedModel:
    return load_saved_model(exported / "1")


def write(version_dir: Path, *records: bytes) -> Path:
    import tensorflow as tf

    path = version_dir / WARMUP_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


def predict_log(signature: str = "wide", **inputs: object) -> bytes:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = signature
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    return bytes(log.SerializeToString())


GOOD: dict[str, Any] = {"x": [[1.0]], "text": ["a"]}


def test_every_record_is_run_as_often_as_asked(model: LoadedModel, tmp_path: Path) -> None:
    assert warm_up(model, tmp_path) == 0
    write(tmp_path, predict_log(**GOOD), predict_log(**GOOD), b"")
    ran = []

    def prepare(request: Any, loaded: LoadedModel) -> Any:
        ran.append(request.model_spec.signature_name)
        return grpc_verbs.PREPARE["Predict"](request, loaded)

    assert warm_up(model, tmp_path, {"Predict": prepare}, iterations=2) == 3
    assert ran == ["wide"] * 4


def failure(model: LoadedModel, version_dir: Path) -> tuple[Code, str]:
    with pytest.raises(RequestError) as caught:
        warm_up(model, version_dir)
    return caught.value.code, caught.value.message


def test_a_record_that_fails_is_told_in_the_originals_words(model: LoadedModel, tmp_path: Path) -> None:
    from tensorflow_serving.apis import prediction_log_pb2

    write(tmp_path, predict_log("absent"))
    assert failure(model, tmp_path) == (Code.FAILED_PRECONDITION, 'Serving signature key "absent" not found.')
    path = write(tmp_path, b"\xff\xff")
    assert failure(model, tmp_path)[0] is Code.INVALID_ARGUMENT
    assert failure(model, tmp_path)[1].startswith("Failed to parse warmup record: ")
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.SetInParent()
    write(tmp_path, log.SerializeToString())
    assert failure(model, tmp_path) == (Code.UNIMPLEMENTED, "Unsupported log_type for warmup: 5")
    path.write_bytes(b"no TFRecord file at all")
    code, message = failure(model, tmp_path)
    assert code is Code.DATA_LOSS
    assert message.endswith(". Please verify your warmup data is in TFRecord format.")


def test_more_than_a_thousand_records_are_refused(model: LoadedModel, tmp_path: Path) -> None:
    write(tmp_path, *[b""] * MAX_RECORDS)
    assert warm_up(model, tmp_path) == 1000
    path = write(tmp_path, *[b""] * (MAX_RECORDS + 1))
    assert failure(model, tmp_path) == (
        Code.INVALID_ARGUMENT, f"Number of warmup records exceeds the maximum (1000) at {path}",
    )  # fmt: skip


def test_a_failing_record_fails_the_load_unless_warmup_is_off(exported: Path, tmp_path: Path) -> None:
    shutil.copytree(exported / "1", tmp_path / "1")
    write(tmp_path / "1", predict_log("absent"))
    with pytest.raises(RequestError, match="absent"):
        model_loader(ManagerOptions())(tmp_path / "1")
    model_loader(ManagerOptions(enable_warmup=False))(tmp_path / "1").close()
    write(tmp_path / "1", predict_log(**GOOD))
    model_loader(ManagerOptions())(tmp_path / "1").close()
