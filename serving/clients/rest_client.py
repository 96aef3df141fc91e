"""REST client on the standard library: no TensorFlow, quick to start."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from serving.clients.click_client import DEFAULT_TIMEOUT_S, ClickClient, Prediction
from serving.clients.client_columns import OUTPUT, PREDICT_SIGNATURE, Column, ModelInputs, read_model_inputs
from serving.clients.client_errors import ServerRefusedError, ServerUnreachableError, SignatureError
from serving.models.version_status import VERSION_HEADER


class RestClient(ClickClient):
    """Click probabilities over REST, on one connection that is kept open."""

    def __init__(
        self,
        server: str = "127.0.0.1:8501",
        model_name: str = "adclick",
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        super().__init__(server, model_name, timeout_s)
        self._path = f"/v1/models/{quote(model_name, safe='')}"
        self._connection: http.client.HTTPConnection | None = None

    def _read_inputs(self) -> ModelInputs:
        document, _ = self._exchange("GET", f"{self._path}/metadata")
        try:
            version = int(document["model_spec"]["version"])
            definitions = document["metadata"]["signature_def"]["signature_def"]
            signatures = {
                name: (
                    {alias: info["dtype"] for alias, info in definition["inputs"].items()},
                    list(definition["outputs"]),
                )
                for name, definition in definitions.items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SignatureError(f"the metadata of model '{self.model_name}' is not TF Serving's: {error!r}") from error
        return read_model_inputs(self.model_name, version, signatures)

    def _predict_columns(self, columns: Mapping[str, Column]) -> list[Prediction]:
        cells = {name: [_json_cell(value) for value in column] for name, column in columns.items()}
        rows = [dict(zip(cells, values, strict=True)) for values in zip(*cells.values(), strict=True)]
        # Missing floats go as the bare token NaN, which TF Serving's parser and ours read as a number.
        body = json.dumps({"signature_name": PREDICT_SIGNATURE, "instances": rows}, allow_nan=True).encode()
        document, version = self._exchange("POST", f"{self._path}:predict", body)
        try:
            values = [float(row[OUTPUT] if isinstance(row, dict) else row) for row in document["predictions"]]
        except (KeyError, TypeError, ValueError) as error:
            raise SignatureError(f"the reply of model '{self.model_name}' has no {OUTPUT}: {error!r}") from error
        if version is None:
            version = self._newest_version()
        return [Prediction(value, version) for value in values]

    def _newest_version(self) -> int | None:
        """TF Serving's REST replies name no version: its status does, exact but in the moment of a change."""
        document, _ = self._exchange("GET", self._path)
        entries = document.get("model_version_status", [])
        available = [int(entry["version"]) for entry in entries if entry.get("state") == "AVAILABLE"]
        return max(available, default=None)

    def _exchange(self, method: str, path: str, body: bytes | None = None) -> tuple[dict[str, Any], int | None]:
        """The reply's JSON object, and the version its header names.

        Raises:
            ServerUnreachableError, ServerRefusedError: no reply, or one that is an error.
        """
        response, text = self._request(method, path, body)
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if response.status != http.client.OK or not isinstance(document, dict):
            said = document.get("error") if isinstance(document, dict) else text[:200].decode("utf-8", "replace")
            raise ServerRefusedError(str(response.status), str(said))
        version = response.headers.get(VERSION_HEADER, "")
        return document, int(version) if version.isdigit() else None

    def _request(self, method: str, path: str, body: bytes | None) -> tuple[http.client.HTTPResponse, bytes]:
        reused = self._connection is not None
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout_s)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            # A server may close an idle connection at any time; a prediction can be asked for twice.
            if reused and not isinstance(error, TimeoutError):
                return self._request(method, path, body)
            raise ServerUnreachableError(self._unreachable(error)) from error
        if response.will_close:
            self.close()
        return response, text

    def _unreachable(self, error: Exception) -> str:
        why = f"nothing within {self.timeout_s:g} s" if isinstance(error, TimeoutError) else str(error) or repr(error)
        return f"no answer from http://{self.host}:{self.port}: {why}"

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _json_cell(value: float | int | bytes) -> object:
    """Text where the bytes are text, else base64: JSON strings hold no other bytes."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}
