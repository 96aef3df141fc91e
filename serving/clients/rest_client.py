"""REST client on the standard library: no TensorFlow, quick to start."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from serving.clients.click_client import ClickClient
from serving.clients.client_columns import Column, ModelInputs, read_model_inputs
from serving.clients.client_errors import DeadlineError, ServerRefusedError, ServerUnreachableError, SignatureError
from serving.clients.predictions import Prediction
from serving.clients.rest_body import predict_body, read_reply
from serving.clients.rest_connection import ConnectError, HttpReply, RestConnections
from serving.clients.retries import parse_retry_after
from serving.models.version_status import VERSION_HEADER


class RestClient(ClickClient):
    """Click probabilities over REST, on connections that are kept open: as many as threads ask at once."""

    default_server = "127.0.0.1:8501"

    def _open(self) -> None:
        if self.address.socket_path:
            raise ValueError(f"server {self.address.shown!r} is a socket file, which only gRPC takes; give host:port")
        if self._tls is not None and self.address.tls is False:
            raise ValueError(f"server {self.address.shown!r} is called with http:// but has TLS files; give https://")
        self._path = f"{self.address.prefix}/v1/models/{quote(self.model_name, safe='')}"
        if self.version is not None:
            self._path += f"/versions/{self.version}"
        elif self.label is not None:
            self._path += f"/labels/{quote(self.label, safe='')}"
        self._headers = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        self._connections = RestConnections(self.address, self._tls, self.connect_timeout_s)
        self._url = f"{'https' if self._tls or self.address.tls else 'http'}://{self.address.shown}"

    def _read_inputs(self, deadline: float) -> ModelInputs:
        document, _ = self._exchange("GET", f"{self._path}/metadata", None, deadline)
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

    def _predict_columns(self, columns: Mapping[str, Column], _: ModelInputs, deadline: float) -> list[Prediction]:
        document, version = self._exchange("POST", f"{self._path}:predict", predict_body(columns), deadline)
        if version is None:
            version = self.version if self.version is not None else self._newest_version(deadline)
        return read_reply(self.model_name, document, version)

    def _newest_version(self, deadline: float) -> int | None:
        """TF Serving's REST replies name no version: its status does, exact but in the moment of a change."""
        return max(self._read_versions(deadline), default=None)

    def _read_versions(self, deadline: float) -> list[int]:
        document, _ = self._exchange("GET", self._path, None, deadline)
        try:
            entries = document.get("model_version_status", [])
            return [int(entry["version"]) for entry in entries if entry.get("state") == "AVAILABLE"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SignatureError(f"the status of model '{self.model_name}' is not TF Serving's: {error!r}") from error

    def _exchange(
        self, method: str, path: str, body: bytes | None, deadline: float
    ) -> tuple[dict[str, Any], int | None]:
        """The reply's JSON object, and the version its header names.

        Raises:
            ServerUnreachableError, DeadlineError, ServerRefusedError: no reply, or one that is an error.
        """
        reply = self._reply(method, path, body, deadline)
        try:
            document = json.loads(reply.body)  # not orjson, which refuses the NaN that TF Serving may write
        except ValueError:
            document = None
        if reply.status != http.client.OK or not isinstance(document, dict):
            said = document.get("error") if isinstance(document, dict) else reply.body[:200].decode("utf-8", "replace")
            wait_s = parse_retry_after(reply.headers.get("Retry-After"))
            raise ServerRefusedError(str(reply.status), str(said), retry_after_s=wait_s)
        version = reply.headers.get(VERSION_HEADER, "")
        return document, int(version) if version.isdigit() else None

    def _reply(self, method: str, path: str, body: bytes | None, deadline: float) -> HttpReply:
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        where, allowed_s = f"no answer from {self._url}", deadline - time.monotonic()
        try:
            return self._connections.exchange(method, path, body, headers, deadline)
        except ConnectError as error:
            if error.late:
                raise DeadlineError(f"{where}: nothing within {allowed_s:.3g} s") from error
            raise ServerUnreachableError(f"{where}: {error}") from error
        except TimeoutError as error:
            raise DeadlineError(f"{where}: nothing within {allowed_s:.3g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise ServerUnreachableError(f"{where}: {str(error) or repr(error)}") from error

    def close(self) -> None:
        """Closes the connections; a second time does nothing."""
        super().close()
        self._connections.close()
