"""Seeded hostile requests to the click model, as they go over the wire."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

from wire import Impression

PREDICT = "/v1/models/click:predict"
PATHS = (
    PREDICT, "/v1/models/click:classify", "/v1/models/click:regress", "/v1/models/click/versions/1:predict",
    "/v1/models/click/labels/stable:predict", "/v1/models/none:predict", "/v1/models/%2e%2e%2f:predict",
)  # fmt: skip
METHODS = ("Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata")
_NAMES = ("bid", "hour", "image_path", "image_path_bytes", "site", "b64", "instances", "inputs", "signature_name", "")
_SCALARS = (
    0, -1, 1.5, 1e308, 10**30, -(2**63), 2**64, None, True, False, "", "x", "\x00", "é", "\ud800", "predict", "wide",
    float("nan"), float("inf"), "A" * 2000,
)  # fmt: skip


class HttpRequest(NamedTuple):
    """What goes to the REST port."""

    method: str
    path: str
    body: bytes
    headers: str = ""


def json_value(random_: random.Random, depth: int) -> Any:
    """By the grammar of JSON, with the words of the protocol."""
    kind = random_.random()
    if depth == 0 or kind < 0.4:
        return random_.choice(_SCALARS)
    size = random_.randrange(4)
    if kind < 0.7:
        return [json_value(random_, depth - 1) for _ in range(size)]
    return {random_.choice(_NAMES): json_value(random_, depth - 1) for _ in range(size)}


def document(random_: random.Random) -> bytes:
    """A request with anything in the place of its inputs."""
    whole = {"signature_name": random_.choice(("predict", "wide", "serving_default", "", "none", 1, None))}
    for key in random_.choice((("instances",), ("inputs",), ("instances", "inputs"), (), ("examples",))):
        whole[key] = json_value(random_, random_.randrange(6))
    return json.dumps(whole).encode("utf-8", "surrogatepass")


def mutated(random_: random.Random, whole: bytes) -> bytes:
    """Some bytes changed, cut out, doubled or added."""
    body = bytearray(whole)
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(body) + 1)
        how = random_.randrange(4)
        if how == 0 and body:
            body[at % len(body)] = random_.randrange(256)
        elif how == 1:
            del body[at : at + random_.randrange(1, 40)]
        elif how == 2:
            body[at:at] = body[at : at + 40]
        else:
            body[at:at] = random_.randbytes(random_.randrange(1, 20))
    return bytes(body)


def _valid_json(random_: random.Random) -> bytes:
    return Impression(random_.uniform(-1, 1), "s" * random_.randrange(9)).rest_body()


def _random_bytes(random_: random.Random) -> HttpRequest:
    return HttpRequest("POST", random_.choice(PATHS), random_.randbytes(random_.randrange(400)))


def _grammar(random_: random.Random) -> HttpRequest:
    return HttpRequest("POST", random_.choice(PATHS), document(random_))


def _mutation(random_: random.Random) -> HttpRequest:
    return HttpRequest("POST", PREDICT, mutated(random_, _valid_json(random_)))


def _odd_method_or_path(random_: random.Random) -> HttpRequest:
    method = random_.choice(("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "POST", "BREW"))
    path = "/" + "/".join(
        random_.choice(("v1", "models", "click", "versions", "1", "99999999999999999999", "labels", "..", "%00", "a:b"))
        for _ in range(random_.randrange(7))
    )
    return HttpRequest(method, path, b"{}")


def _bad_gzip(random_: random.Random) -> HttpRequest:
    body = mutated(random_, gzip.compress(_valid_json(random_), 1))
    return HttpRequest("POST", PREDICT, body, "Content-Encoding: gzip\r\n")


def http_request(random_: random.Random) -> HttpRequest:
    """One of the quick kinds."""
    kinds: list[Callable[[random.Random], HttpRequest]] = [
        _random_bytes, _grammar, _grammar, _mutation, _mutation, _odd_method_or_path, _bad_gzip,
    ]  # fmt: skip
    return random_.choice(kinds)(random_)


def _gzipped(piece: bytes, times: int) -> bytes:
    deflating = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    return b"".join([*(deflating.compress(piece) for _ in range(times)), deflating.flush()])


_BRACKETS = 500_000
BOMBS: dict[str, Callable[[], bytes]] = {
    "nested lists": lambda: b'{"instances": ' + b"[" * _BRACKETS + b"]" * _BRACKETS + b"}",
    "nested objects": lambda: b'{"inputs": ' + b'{"a":' * _BRACKETS + b"1" + b"}" * _BRACKETS + b"}",
    "open brackets": lambda: b"[" * _BRACKETS,
    "brackets in turns": lambda: b'{"instances": ' + b'[{"a":' * _BRACKETS,
    "a wide list": lambda: b'{"inputs": [' + b"[]," * 5_000_000 + b"[]]}",
    "many numbers": lambda: b'{"inputs": {"bid": [' + b"0," * 20_000_000 + b"0]}}",
    "a long number": lambda: b'{"inputs": ' + b"9" * 5_000_000 + b"}",
    "a long string": lambda: b'{"signature_name": "' + b"x" * 30_000_000 + b'"}',
    "many keys": lambda: json.dumps({"inputs": {f"k{number}": 0 for number in range(300_000)}}).encode(),
    "2 GB of spaces, zipped": lambda: _gzipped(b" " * 1_000_000, 2000),
    "many numbers, zipped": lambda: _gzipped(b"0," * 500_000, 100),
    "brackets, zipped": lambda: _gzipped(b"[" * 1_000_000, 60),
}
"""Bodies made to exhaust stack, memory or patience."""


def bomb(name: str) -> HttpRequest:
    """The request with that body."""
    zipped = "Content-Encoding: gzip\r\n" if name.endswith("zipped") else ""
    return HttpRequest("POST", PREDICT, BOMBS[name](), zipped)


def tensor_request(random_: random.Random) -> bytes:
    """A PredictRequest whose tensors declare what they do not carry."""
    request = Impression(0.1, "site").grpc_request()
    for name in list(request.inputs):
        tensor = request.inputs[name]
        kind = random_.randrange(9)
        if kind == 0:
            tensor.tensor_shape.dim[0].size = random_.choice((2**31, 2**40, 2**62, 2**63 - 1, -1, -(2**63), 0))
        elif kind == 1:
            for _ in range(random_.randrange(300)):
                tensor.tensor_shape.dim.add(size=random_.choice((0, 1, 2, 2**20, 2**62)))
        elif kind == 2:
            tensor.dtype = random_.choice((0, 1, 3, 7, 8, 14, 19, 20, 21, 23, 101, 200))
        elif kind == 3:
            tensor.tensor_content = random_.randbytes(random_.randrange(40))
        elif kind == 4:
            tensor.tensor_shape.unknown_rank = True
        elif kind == 5:
            del request.inputs[name]
    if random_.random() < 0.2:
        request.model_spec.version.value = random_.choice((0, 1, 2**62, -1))
    if random_.random() < 0.2:
        request.output_filter.extend(random_.choices(("click_probability", "x", ""), k=2))
    return bytes(request.SerializeToString())


def grpc_message(random_: random.Random) -> tuple[str, bytes]:
    """Method and serialized message, whole or not."""
    if random_.random() < 0.5:
        return "Predict", tensor_request(random_)
    method = random_.choice(METHODS)
    if random_.random() < 0.3:
        return method, random_.randbytes(random_.randrange(200))
    return method, mutated(random_, tensor_request(random_))
