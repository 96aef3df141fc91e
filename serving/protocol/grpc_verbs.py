"""The inference methods of tensorflow.serving.PredictionService, by name.

PREPARE["Predict"](request message, loaded model) gives the checked call, whose reply is the response message.
"""

from __future__ import annotations

from collections.abc import Mapping

from serving.protocol.grpc_predict import prepare_predict
from serving.protocol.prepared_call import Prepare

PREPARE: Mapping[str, Prepare] = {"Predict": prepare_predict}
