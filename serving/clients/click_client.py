"""The interface that the REST and the gRPC client share: rows in, click probabilities out."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from serving.clients.client_columns import Column, ModelInputs, Row, to_columns
from serving.clients.client_errors import ClientError, RowError, ServerRefusedError, SignatureError, at_row
from serving.clients.isolation import isolate
from serving.clients.predictions import Prediction, to_frame
from serving.clients.request_plan import plan_requests
from serving.clients.retries import with_retries
from serving.clients.row_source import Faults, RowSource, row_source
from serving.clients.server_address import TlsOptions, parse_address
from serving.clients.table_rows import TableCheck

if TYPE_CHECKING:  # pydantic's import would double the start of a client that has no table
    from configs.features import FeatureTable

DEFAULT_TIMEOUT_S = 10.0
DEFAULT_RETRIES = 2
_STALE_SIGNATURE = frozenset({"400", "INVALID_ARGUMENT", "FAILED_PRECONDITION"})
MAX_BATCH_BYTES = 8 * 1024 * 1024  # as base64 a sixth of what the server takes

Outcome = Prediction | ClientError
Self = TypeVar("Self", bound="ClickClient")


class ClickClient(ABC):
    """Predictions by rows. One client serves any number of threads.

    The model's inputs are read once, and again when another version answers; with a feature table they are never asked
    for.
    """

    default_server: ClassVar[str]

    def __init__(
        self,
        server: str | None = None,
        model_name: str = "adclick",
        timeout_s: float = DEFAULT_TIMEOUT_S,
        *,
        connect_timeout_s: float = 2.0,
        retries: int = DEFAULT_RETRIES,
        version: int | None = None,
        label: str | None = None,
        features: FeatureTable | None = None,
        max_batch_rows: int = 64,
        max_batch_bytes: int = MAX_BATCH_BYTES,
        max_in_flight: int = 4,
        token: str | None = None,
        tls: TlsOptions | None = None,
    ) -> None:
        """Nothing is connected yet.

        Args:
            server: host:port; for REST also http[s]://host[:port][/prefix], for gRPC also unix:/path.
            timeout_s: longest wait for one request's answer: connecting, retries and the waits between them included.
            connect_timeout_s: longest wait for a connection, within that.
            retries: how often a request is sent again where that is safe (serving/clients/retries.py); 0: never.
            version, label: the version to ask, by number or by label; the newest where both are None.
            features: the table that the model was trained with: rows are held against it before they are sent.
            max_batch_rows, max_batch_bytes: larger calls are cut into requests of this size.
            max_in_flight: how many requests of one call are under way at once.
            token: sent as `Authorization: Bearer …`, for a proxy.
            tls: files for TLS. Without it gRPC is in clear text, and so is REST unless `server` says https.

        Raises:
            ValueError: for an argument that cannot be used.
        """
        self.address = parse_address(
            self.default_server if server is None else server, int(self.default_server.rpartition(":")[2])
        )
        for name, seconds in (("timeout_s", timeout_s), ("connect_timeout_s", connect_timeout_s)):
            if not seconds > 0:
                raise ValueError(f"{name} {seconds!r} is not positive; give seconds such as {DEFAULT_TIMEOUT_S:g}")
        for name, count, least in (
            ("retries", retries, 0), ("max_batch_rows", max_batch_rows, 1),
            ("max_batch_bytes", max_batch_bytes, 1), ("max_in_flight", max_in_flight, 1),
        ):  # fmt: skip
            if count < least:
                raise ValueError(f"{name} {count!r} is too small; give {least} or more")
        if version is not None and label is not None:
            raise ValueError(f"version {version} and label {label!r} are two ways to choose a version; give one")
        if token is not None and not (token.isascii() and token.isprintable() and token):
            raise ValueError("token is empty or holds characters that no header takes; give it as it was issued")
        self.model_name, self.version, self.label = model_name, version, label
        self.timeout_s, self.connect_timeout_s, self.retries = timeout_s, connect_timeout_s, retries
        self.max_batch_rows, self.max_batch_bytes = max_batch_rows, max_batch_bytes
        self.max_in_flight = max_in_flight
        self._token, self._tls = token, tls
        self._check = None if features is None else TableCheck(features)
        self._inputs: ModelInputs | None = None if self._check is None else self._check.inputs
        self._closed = False
        self._open()

    def predict(self, rows: Sequence[Row] | Any, timeout_s: float | None = None) -> list[Prediction]:
        """One prediction for each row, in their order. Features a row lacks count as missing.

        Args:
            rows: dicts of feature and value, or a pandas DataFrame.
            timeout_s: longest time for all rows together; without it only each request has its limit.

        Raises:
            RowError: before anything is sent, for a value that cannot be sent.
            SignatureError, ServerUnreachableError, DeadlineError, ServerRefusedError: see client_errors.py.
        """
        outcomes = self._outcomes(row_source(rows), _deadline(timeout_s), each=False)
        return [outcome for outcome in outcomes if isinstance(outcome, Prediction)]  # all are, as errors are raised

    def predict_each(self, rows: Sequence[Row] | Any, timeout_s: float | None = None) -> list[Outcome]:
        """Like `predict`, but a row's error stands in its place, and the other rows are answered all the same."""
        return self._outcomes(row_source(rows), _deadline(timeout_s), each=True)

    def predict_frame(self, frame: Any, timeout_s: float | None = None) -> Any:
        """Predictions of a DataFrame's rows as a DataFrame with the same index. Raises what `predict` raises.

        Its columns: click_probability, model_version, and creative_status where the model gives it.
        """
        return to_frame(self.predict(frame, timeout_s), frame.index)

    def model_inputs(self) -> ModelInputs:
        """Names and dtypes of the model's inputs: the table's, or those of the version that last answered."""
        return self._current_inputs(time.monotonic() + self.timeout_s)

    def available_versions(self) -> list[int]:
        """Versions of the model that are in service, by the server's status API, in rising order.

        Raises:
            ServerUnreachableError, DeadlineError, ServerRefusedError: see client_errors.py; status 404 or NOT_FOUND
                where the server knows no such model.
        """
        deadline = time.monotonic() + self.timeout_s
        return sorted(with_retries(lambda: self._read_versions(deadline), self.retries, deadline))

    def _outcomes(self, source: RowSource, call_deadline: float, each: bool) -> list[Outcome]:
        """With `each` a row's error stands in its place, else the first is raised. Deadlines are time.monotonic's."""
        if self._closed:
            raise ValueError("the client is closed; make another")
        if not source.count:
            return []
        first_deadline = min(call_deadline, time.monotonic() + self.timeout_s)
        faults: Faults | None = {} if each else None
        try:
            inputs = self._current_inputs(first_deadline)
        except ClientError as error:
            if not each:
                raise
            return [error] * source.count
        columns = self._columns(source, inputs, faults)
        kept: Sequence[int] = range(source.count)
        if faults:
            kept = [row for row in kept if row not in faults]
            source = source.part(kept)
            columns = {name: [column[row] for row in kept] for name, column in columns.items()}
        outcomes: dict[int, Outcome] = {**faults} if faults else {}
        if kept:
            for place, answer in enumerate(self._ask_all(source, columns, inputs, first_deadline, call_deadline, each)):
                outcomes[kept[place]] = at_row(answer, kept[place])
        return [outcomes[row] for row in range(len(outcomes))]

    def _ask_all(
        self,
        source: RowSource,
        columns: Mapping[str, Column],
        inputs: ModelInputs,
        first_deadline: float,
        call_deadline: float,
        each: bool,
    ) -> Sequence[Outcome]:
        """Sends as many requests as it takes, several at once, each with the client's timeout."""

        def ask(rows: range, deadline: float) -> Sequence[Outcome]:
            try:
                outcomes = self._ask(source, columns, inputs, rows, deadline, each)
            except ClientError as error:
                if not each:
                    raise
                return [error] * len(rows)
            failed = next((one for one in outcomes if isinstance(one, ClientError)), None)
            if failed is not None and not each:
                raise failed
            return outcomes

        requests = list(plan_requests(columns, self.max_batch_rows, self.max_batch_bytes))
        if len(requests) == 1:
            return ask(requests[0], first_deadline)
        with ThreadPoolExecutor(min(self.max_in_flight, len(requests)), "adclick-client") as pool:
            parts = pool.map(lambda rows: ask(rows, min(call_deadline, time.monotonic() + self.timeout_s)), requests)
            return [outcome for part in parts for outcome in part]  # map gives up what is not begun when one raises

    def _ask(
        self,
        source: RowSource,
        columns: Mapping[str, Column],
        inputs: ModelInputs,
        rows: range,
        deadline: float,
        each: bool,
    ) -> Sequence[Outcome]:
        """Outcomes by one request; by several where the server refuses what it holds."""

        def send(part: range) -> Sequence[Prediction]:
            whole = len(part) == source.count
            sent = columns if whole else {name: column[part[0] : part[-1] + 1] for name, column in columns.items()}
            return self._send(sent, inputs, len(part), deadline)

        try:
            return send(rows)
        except ServerRefusedError as error:
            # Another version with other features may have come into service since the inputs were read.
            stale = error.status in _STALE_SIGNATURE and self._changed_inputs(inputs, deadline)
            if not stale and (not error.about_contents or len(rows) == 1):
                raise
            refusal = error
        if not stale:
            return isolate(send, rows, refusal)
        try:
            outcomes = self._outcomes(source.part(rows), deadline, each)
        except (RowError, ServerRefusedError) as error:
            if error.row is None:
                raise
            raise at_row(error, rows[error.row]) from error
        return [at_row(outcome, row) for row, outcome in zip(rows, outcomes, strict=True)]

    def _changed_inputs(self, used: ModelInputs, deadline: float) -> bool:
        if self._check is not None:
            return False
        self._inputs = None
        return self._current_inputs(deadline).dtypes != used.dtypes

    def _send(
        self, columns: Mapping[str, Column], inputs: ModelInputs, rows: int, deadline: float
    ) -> Sequence[Prediction]:
        predictions = with_retries(lambda: self._predict_columns(columns, inputs, deadline), self.retries, deadline)
        if len(predictions) != rows:
            raise SignatureError(f"{rows} rows were sent but {len(predictions)} predictions came back")
        if self._check is None and predictions[0].model_version != inputs.version:
            self._inputs = None
        return predictions

    def _columns(self, source: RowSource, inputs: ModelInputs, faults: Faults | None) -> dict[str, Column]:
        columns = to_columns(source, inputs, faults)
        if self._check is not None:
            self._check(source, columns, faults)
        return columns

    def _current_inputs(self, deadline: float) -> ModelInputs:
        inputs = self._inputs  # another thread may forget it at any moment
        if inputs is None:
            self._inputs = inputs = with_retries(lambda: self._read_inputs(deadline), self.retries, deadline)
        return inputs

    @abstractmethod
    def _open(self) -> None:
        """Last step of the constructor. Raises ValueError where this protocol cannot use the address."""

    @abstractmethod
    def _read_inputs(self, deadline: float) -> ModelInputs:
        """Asks the server once for the signature `predict`, until `deadline` (time.monotonic, seconds)."""

    @abstractmethod
    def _read_versions(self, deadline: float) -> list[int]:
        """Asks the server once which versions are AVAILABLE, until `deadline` (time.monotonic, seconds)."""

    @abstractmethod
    def _predict_columns(
        self, columns: Mapping[str, Column], inputs: ModelInputs, deadline: float
    ) -> Sequence[Prediction]:
        """Sends one request once and waits until `deadline` (time.monotonic, seconds)."""

    def close(self) -> None:
        """Closes the connections; a second time does nothing."""
        self._closed = True

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _deadline(timeout_s: float | None) -> float:
    if timeout_s is not None and not timeout_s > 0:
        raise ValueError(f"timeout_s {timeout_s!r} is not positive; give seconds, or None for no limit")
    return math.inf if timeout_s is None else time.monotonic() + timeout_s
