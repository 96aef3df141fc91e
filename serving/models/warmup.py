"""Runs a model's warm-up records before it answers requests, so that no user meets the first, slow runs.

Records are a TFRecord file of tensorflow.serving.PredictionLog under `assets.extra/` of the version.
Source: tensorflow_serving/servables/tensorflow/saved_model_warmup_util.cc and saved_model_warmup.cc.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.models.loader import LoadedModel
from serving.request_error import Code, RequestError, invalid_argument

if TYPE_CHECKING:
    from serving.protocol.prepared_call import Prepare

_log = logging.getLogger(__name__)

WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")
MAX_RECORDS = 1000
# Kind of record -> the method whose `Prepare` runs it. Session runs and streams are refused, as in the original.
_METHODS = {
    "predict_log": "Predict",
    "classify_log": "Classify",
    "regress_log": "Regress",
    "multi_inference_log": "MultiInference",
}


def warm_up(
    model: LoadedModel, version_dir: Path, prepare: Mapping[str, Prepare] | None = None, iterations: int = 1
) -> int:
    """Runs every record `iterations` times; the number of records, 0 where the version has none.

    `prepare` maps Predict, Classify, Regress and MultiInference to what makes calls of their requests.

    Raises:
        RequestError: the first record's error; INVALID_ARGUMENT for a record that is no PredictionLog, or more than
            1000 of them; DATA_LOSS for a damaged file; UNIMPLEMENTED for a kind of request that cannot be run.
    """
    path = version_dir / WARMUP_FILE
    if not path.exists():
        return 0
    import tensorflow as tf

    started_s = time.monotonic()
    count = 0
    try:
        for record in tf.compat.v1.io.tf_record_iterator(str(path)):
            _run_record(model, _parsed(record, path), prepare, iterations)
            count += 1
            if count > MAX_RECORDS:
                raise invalid_argument(f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {path}")
    except tf.errors.DataLossError as error:
        message = f"{error.message}. Please verify your warmup data is in TFRecord format."
        raise RequestError(Code.DATA_LOSS, message) from error
    _log.info("Ran %d warm-up records of %s in %.2f s", count, version_dir, time.monotonic() - started_s)
    return count


def _parsed(record: bytes, path: Path) -> Any:
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis import prediction_log_pb2

    try:
        return prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid_argument(f"Failed to parse warmup record: {record[:100]!r} from {path}") from error


def _run_record(model: LoadedModel, log: Any, prepare: Mapping[str, Prepare] | None, iterations: int) -> None:
    kind = log.WhichOneof("log_type")
    if kind is None:
        return  # a record without a request does nothing, as in the original
    method = _METHODS.get(kind)
    make_call = (prepare if prepare is not None else default_prepare()).get(method or "")
    if make_call is None:
        number = log.DESCRIPTOR.fields_by_name[kind].number
        raise RequestError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {number}")
    request = getattr(log, kind).request
    for _ in range(iterations):
        call = make_call(request, model)
        outputs = [model.run(work.signature, work.inputs, work.outputs) for work in call.works]
        call.reply(outputs, 0)


def default_prepare() -> Mapping[str, Prepare]:
    """Predict only: for a server that plugs in nothing else."""
    from serving.models.warmup_predict import prepare_predict

    return {"Predict": prepare_predict}
