"""The peer: the same SavedModel behind Flask, as most teams first serve one. Run by gunicorn, never imported here.

ADCLICK_BENCHMARK_MODEL names the SavedModel's folder. Takes what TF Serving's REST API takes in columns and answers
in kind, with TensorFlow's own loader and signature functions; Flask and gunicorn as their documents show them.
"""

from __future__ import annotations

import base64
import os
from typing import Any

from adclick.stack import prepare_environment

prepare_environment()

import flask  # noqa: E402 (the environment comes before TensorFlow)
import tensorflow as tf  # noqa: E402

app = flask.Flask(__name__)
_model = tf.saved_model.load(os.environ["ADCLICK_BENCHMARK_MODEL"])
_predict = _model.signatures["predict"]
_dtypes = {name: spec.dtype for name, spec in _predict.structured_input_signature[1].items()}


def _value(cell: Any) -> Any:
    return base64.b64decode(cell["b64"]) if isinstance(cell, dict) else cell


@app.post("/predict")
def predict() -> flask.Response:
    """`{"inputs": {name: [value, …], …}}` to `{"outputs": [probability, …]}`."""
    columns = flask.request.get_json(force=True)["inputs"]
    inputs = {name: tf.constant(list(map(_value, columns[name])), dtype) for name, dtype in _dtypes.items()}
    return flask.jsonify(outputs=_predict(**inputs)["click_probability"].numpy().tolist())
