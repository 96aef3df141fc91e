"""Seeded random requests: whatever comes, prepare answers or raises RequestError, soon."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest
import specs

from serving.models.loader import LoadedModel, Signature, TensorSpec
from serving.protocol import grpc_verbs, rest_verbs
from serving.protocol.json_text import parse_object
from serving.protocol.tensor_proto import proto_from_array
from serving.request_error import RequestError

_SLOWEST_S = 2.0
_INPUTS = {"f": specs.FLOAT, "i": specs.INT64, "n": specs.UINT8, "s": specs.STRING, "b": specs.BOOL}
_FITTING = {"f": 0.5, "i": 1, "n": 2, "s": "x", "b": True}
_OUTPUTS = {"outputs": TensorSpec("o:0", 1, "float", np.float32)}
_PIECES = [
    "{", "}", "[", "]", ",", ":", '"', '"f"', '"i"', '"s"', '"instances"', '"inputs"', '"examples"', '"context"',
    '"signature_name"', '{"b64": "QQ=="}', '{"b64": ', "1", "-1", "2.5", "1e400", "1e308", "NaN", "-Infinity", "Inf",
    "null", "true", '"x"', '"\\ud800"', '"\\u00e9"', "\\", "\x00", "\x1f", "é", "9" * 25, "[" * 40, "]" * 40, " ",
]  # fmt: skip


def signature(**inputs: TensorSpec) -> Signature:
    return Signature("serving_default", "tensorflow/serving/predict", inputs, _OUTPUTS)


MODELS = [
    LoadedModel(None, {"serving_default": signature(**inputs)}, {})
    for inputs in (
        _INPUTS,
        {**_INPUTS, "h": specs.HALF},
        {"f": specs.FLOAT},
        {"s": specs.STRING},
        {"inputs": specs.STRING},
        {},
    )
]


def value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.randrange(9 if depth < 4 else 7)
    if kind < 7:
        return [1, -(2**63), 2**64, rng.random() * 10 ** rng.randrange(-320, 300), "x", None, True][kind]
    if kind == 7:
        same = value(rng, depth + 1)
        return [same if rng.random() < 0.7 else value(rng, depth + 1) for _ in range(rng.randrange(4))]
    keys = rng.sample([*_INPUTS, "inputs", "b64", "z"], rng.randrange(4))
    return {key: value(rng, depth + 1) for key in keys}


def json_bodies(rng: random.Random) -> Iterator[bytes]:
    while True:
        yield rng.randbytes(rng.randrange(60))
        yield ("{" + "".join(rng.choices(_PIECES, k=rng.randrange(12)))).encode()
        key = rng.choice(["instances", "inputs", "examples"])
        odd = rng.random() ** 3  # most rows nearly right
        row = {name: value(rng, 2) if rng.random() < odd else _FITTING[name] for name in _INPUTS}
        rows = [row if rng.random() < 0.8 else value(rng) for _ in range(rng.randrange(1, 4))]
        document = {key: rng.choice([rows, row, value(rng)])}
        if rng.random() < 0.2:
            document[rng.choice(["signature_name", "context", "inputs"])] = value(rng)
        text = json.dumps(document)
        yield text.encode()
        cut = rng.randrange(len(text))
        yield (text[:cut] + rng.choice(_PIECES) + text[cut + rng.randrange(3) :]).encode()


def test_random_json_is_answered_or_refused() -> None:
    from tensorflow.core.example import example_pb2  # noqa: F401 (its import takes seconds that no request should count)

    rng = random.Random(20)
    outcomes = {"answered": 0, "refused": 0}
    for _, body in zip(range(8_000), json_bodies(rng), strict=False):
        verb, model = ("regress", MODELS[4]) if b"examples" in body else ("predict", MODELS[0])
        if rng.random() < 0.2:
            verb, model = rng.choice(list(rest_verbs.PARSE)), rng.choice(MODELS)
        started_s = time.process_time()
        try:
            rest_verbs.PREPARE[verb](rest_verbs.PARSE[verb](body), model)
            outcomes["answered"] += 1
        except RequestError as error:
            assert error.http_status in (400, 501), body
            outcomes["refused"] += 1
        assert time.process_time() - started_s < _SLOWEST_S, body
    assert min(outcomes.values()) > 100  # both ways were walked


def test_mutated_protos_are_answered_or_refused() -> None:
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis import predict_pb2

    rng = random.Random(21)
    message = predict_pb2.PredictRequest()
    message.model_spec.name = "m"
    for name, spec in _INPUTS.items():
        array = np.array([b"a", b"b"], object) if spec is specs.STRING else np.array([0, 1], spec.numpy_dtype)
        message.inputs[name].CopyFrom(proto_from_array(spec, array))
    seed = message.SerializeToString()
    outcomes = {"answered": 0, "refused": 0, "no message": 0}
    for _ in range(12_000):
        mutated = bytearray(seed)
        for _ in range(rng.randrange(1, 6)):
            mutated[rng.randrange(len(mutated))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        try:
            request = predict_pb2.PredictRequest.FromString(bytes(mutated))
        except DecodeError:
            outcomes["no message"] += 1
            continue
        started_s = time.process_time()
        try:
            grpc_verbs.PREPARE["Predict"](request, MODELS[0])
            outcomes["answered"] += 1
        except RequestError:
            outcomes["refused"] += 1
        assert time.process_time() - started_s < _SLOWEST_S, bytes(mutated)
    assert min(outcomes.values()) > 100


def test_what_is_plain_json_reads_as_orjson_reads_it() -> None:
    rng = random.Random(22)
    for _ in range(3_000):
        document = {"r": value(rng)}
        body = json.dumps(document).encode()
        assert repr(parse_object(body)) == repr(orjson.loads(body))
        # A NaN beside it sends the same text through the other parsers: all three have to agree.
        with_nan = parse_object(body[:-1] + b', "n": NaN}')
        with_infinity = parse_object(body[:-1] + b', "n": -Infinity}')
        del with_nan["n"], with_infinity["n"]
        assert repr(with_nan) == repr(with_infinity) == repr(orjson.loads(body))


@pytest.mark.parametrize(
    "document",
    [
        {"inputs": [0.5] * 3_000_000 + ["x"]},
        {"inputs": [[[0.5] * 100] * 100] * 100 + [[[0.5] * 100] * 99 + [["x"] * 100]]},
        {"instances": [0.5] * 900_000 + ["x"]},
        {"instances": [{"f": 0.5}] * 250_000 + [{"f": [0.5]}]},
        {"inputs": [[0.5]] * 450_000 + [["x"]]},
    ],
    ids=["flat", "cube", "values", "rows", "columns"],
)
def test_an_error_in_the_last_of_many_elements_is_found_soon(document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    started_s = time.process_time()
    with pytest.raises(RequestError, match=r"is not of expected type|Expecting shape"):
        rest_verbs.PREPARE["predict"](rest_verbs.PARSE["predict"](body), MODELS[2])
    assert time.process_time() - started_s < 5
