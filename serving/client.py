"""Asks a model server for click probabilities: one interface over REST and gRPC.

    from serving.client import RestClient

    with RestClient("127.0.0.1:8501") as client:
        for prediction in client.predict([{"site": "news", "bid": 0.8}]):
            print(prediction.click_probability, prediction.model_version)

Works with this package's model server and with TF Serving; docs/client.md has more. Errors
(serving/clients/client_errors.py):

    ClientError
    ├── RowError                   a value that cannot be sent; nothing was sent: mend the row
    ├── SignatureError             the served model is no click model of ours: serve another one
    ├── ServerUnreachableError     refused or lost, after the retries: trying again later may help
    │   └── DeadlineError          no answer within the time that the caller gave
    └── ServerRefusedError         the server's own answer, with its status; `retryable`: whether to try again
"""

from __future__ import annotations

from serving.clients.click_client import ClickClient
from serving.clients.client_errors import (
    ClientError,
    DeadlineError,
    RowError,
    ServerRefusedError,
    ServerUnreachableError,
    SignatureError,
)
from serving.clients.grpc_client import GrpcClient
from serving.clients.predictions import Prediction
from serving.clients.rest_client import RestClient
from serving.clients.server_address import TlsOptions

__all__ = [
    "ClickClient",
    "ClientError",
    "DeadlineError",
    "GrpcClient",
    "Prediction",
    "RestClient",
    "RowError",
    "ServerRefusedError",
    "ServerUnreachableError",
    "SignatureError",
    "TlsOptions",
]
