"""The interface that the REST and the gRPC client share: rows in, click probabilities out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

from serving.clients.client_columns import Column, ModelInputs, Row, to_columns
from serving.clients.client_errors import ServerRefusedError, SignatureError

DEFAULT_TIMEOUT_S = 10.0
_STALE_SIGNATURE = frozenset({"400", "INVALID_ARGUMENT", "FAILED_PRECONDITION"})

Self = TypeVar("Self", bound="ClickClient")


@dataclass(frozen=True)
class Prediction:
    """What the model says of one row.

    Attributes:
        click_probability: in [0, 1], float32 precision.
        model_version: version that computed it; None where the server does not tell.
    """

    click_probability: float
    model_version: int | None


class ClickClient(ABC):
    """Predictions by rows. The model's inputs are read once and again when another version answers.

    Not for several threads at once: give each its own.
    """

    def __init__(self, server: str, model_name: str, timeout_s: float) -> None:
        """`server` is host:port; `timeout_s` bounds each exchange with the server, connecting included."""
        host, separator, port = server.removeprefix("http://").rstrip("/").rpartition(":")
        if not separator or not host or not port.isascii() or not port.isdigit():
            raise ValueError(f"server {server!r} is not host:port; give one such as 127.0.0.1:8501")
        if not timeout_s > 0:
            raise ValueError(f"timeout_s {timeout_s!r} is not positive; give seconds such as {DEFAULT_TIMEOUT_S:g}")
        self.host, self.port = host.strip("[]"), int(port)
        self.model_name = model_name
        self.timeout_s = timeout_s
        self._inputs: ModelInputs | None = None

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """One prediction for each row, in their order. Features a row lacks count as missing.

        Raises:
            RowError: before anything is sent, for a value that cannot be converted.
            SignatureError, ServerUnreachableError, ServerRefusedError: see serving/clients/client_errors.py.
        """
        if not rows:
            return []
        inputs = self.model_inputs()
        try:
            predictions = self._predict_columns(to_columns(rows, inputs))
        except ServerRefusedError as error:
            # Another version with other features may have come into service since the inputs were read.
            self._inputs = None
            if error.status not in _STALE_SIGNATURE or self.model_inputs().dtypes == inputs.dtypes:
                raise
            predictions = self._predict_columns(to_columns(rows, self.model_inputs()))
        if len(predictions) != len(rows):
            raise SignatureError(f"{len(rows)} rows were sent but {len(predictions)} predictions came back")
        if predictions[0].model_version != inputs.version:
            self._inputs = None
        return predictions

    def model_inputs(self) -> ModelInputs:
        """Names and dtypes of the inputs of the version in service when they were last read."""
        if self._inputs is None:
            self._inputs = self._read_inputs()
        return self._inputs

    @abstractmethod
    def _read_inputs(self) -> ModelInputs:
        """Asks the server for the signature `predict` of its newest version."""

    @abstractmethod
    def _predict_columns(self, columns: Mapping[str, Column]) -> list[Prediction]:
        """Sends one request."""

    @abstractmethod
    def close(self) -> None:
        """Closes the connection."""

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
