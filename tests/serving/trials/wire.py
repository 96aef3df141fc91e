"""Requests to the click model by hand, over both protocols, whose right answer is known for every version."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from click_model import MISSING_INT64, probability

MODELS = 3
"""Version n is a copy of the exported model 1 + n % 3, so that neighbours answer differently."""


def model_of(version: int) -> int:
    """Number of the exported model that version `version` is a copy of."""
    return 1 + version % MODELS


class Impression(NamedTuple):
    """What the click model reads."""

    bid: float
    site: str

    def expected(self, version: int) -> float:
        """Probability by the model of that version."""
        return probability(model_of(version), self.bid, self.site)

    def inputs(self) -> dict[str, Any]:
        """Columns of one row."""
        return {
            "bid": [self.bid], "hour": [MISSING_INT64], "image_path": [""], "image_path_bytes": [""],
            "site": [self.site],
        }  # fmt: skip

    def rest_body(self) -> bytes:
        """Body of a REST predict request."""
        return json.dumps({"signature_name": "predict", "inputs": self.inputs()}).encode()

    def grpc_request(self) -> Any:
        """PredictRequest."""
        from tensorflow.core.framework import types_pb2
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = "click", "predict"
        fields = {
            "bid": (types_pb2.DT_FLOAT, "float_val"), "hour": (types_pb2.DT_INT64, "int64_val"),
        }  # fmt: skip
        for name, column in self.inputs().items():
            dtype, field = fields.get(name, (types_pb2.DT_STRING, "string_val"))
            tensor = request.inputs[name]
            tensor.dtype = dtype
            tensor.tensor_shape.dim.add(size=1)
            getattr(tensor, field).extend(value.encode() if isinstance(value, str) else value for value in column)
        return request


@dataclass(frozen=True)
class HttpReply:
    """Status, headers in lower case, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpConnection:
    """Keep-alive HTTP/1.1, opened when first needed and after the server closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, method: str, path: str, body: bytes = b"", headers: str = "") -> HttpReply:
        """One request and its reply.

        Raises:
            OSError, asyncio.IncompleteReadError: no whole reply came.
        """
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        return await self.exchange_raw(head.encode() + body)

    async def exchange_raw(self, request: bytes) -> HttpReply:
        """The same with every byte given."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = head.split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        except BaseException:
            self.close()
            raise
        if headers.get("connection") == "close":
            self.close()
        return HttpReply(int(lines[0].split(" ", 2)[1]), headers, body)

    def close(self) -> None:
        """Closes; the next exchange opens anew."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def put_version(exported: Path, base_path: Path, version: int) -> None:
    """A version as a push leaves it: copied beside, renamed into place."""
    import shutil

    beside = base_path / f".incoming-{version}"
    shutil.copytree(exported / str(model_of(version)), beside)
    beside.rename(base_path / str(version))
