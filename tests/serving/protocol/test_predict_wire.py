"""What is read from the wire directly equals what protobuf reads."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import specs

from serving.models.loader import TensorSpec
from serving.protocol.predict_wire import parse_tensor, predict_request_class, short_array
from serving.protocol.tensor_proto import array_from_proto, fill_proto, proto_from_array
from serving.request_error import RequestError

KINDS: dict[str, tuple[TensorSpec, list[Any]]] = {
    "float": (specs.FLOAT, [0.5, float("nan"), -1e30]),
    "double": (specs.DOUBLE, [0.5, -1e300]),
    "int32": (specs.INT32, [-1, 2**31 - 1]),
    "int64": (specs.INT64, [0, 1, 127, 128, -1, 2**63 - 1, -(2**63), 1795276172]),
    "string": (specs.STRING, [b"", b"x", b"mobile", b"y" * 127, b"z" * 128, b"w" * 16_000, b"v" * 20_000]),
    "uint8": (specs.UINT8, [0, 255]),
    "bool": (specs.BOOL, [True, False]),
}


def written(spec: TensorSpec, values: list[Any], *, as_content: bool = False) -> bytes:
    from tensorflow.core.framework import tensor_pb2

    proto = tensor_pb2.TensorProto()
    fill_proto(proto, spec, np.array(values, dtype=spec.numpy_dtype), as_content=as_content)
    return bytes(proto.SerializeToString())


def same(spec: TensorSpec, proto: bytes) -> bool:
    """Whether it was read directly; then it has to be what protobuf makes of it."""
    found = short_array(spec, proto)
    if found is None:
        return False
    parsed = parse_tensor("x", proto)
    assert parsed.dtype == spec.dtype_enum
    wanted = array_from_proto("x", spec, parsed)
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype), proto
    np.testing.assert_array_equal(found, wanted)
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_reads_as_protobuf_reads_it(kind: str) -> None:
    spec, values = KINDS[kind]
    direct = [same(spec, written(spec, [value])) for value in values]
    if kind in ("float", "int64"):
        assert all(direct)
    if kind == "string":
        assert direct == [True] * 6 + [False], "lengths of three bytes are left to protobuf"
    for rows in (0, 1, 2, 64, 127, 128, 5000):
        for as_content in (False, True):
            several = [values[number % len(values)] for number in range(rows)]
            direct_rows = same(spec, written(spec, several, as_content=as_content))
            if kind == "float" and 1 <= rows <= 128:
                assert direct_rows
        if kind == "string":
            assert same(spec, written(spec, [b""] * rows)) == (rows > 0)
            assert same(spec, written(spec, [b"us"] * rows)) == (rows > 0)
            assert same(spec, written(spec, [b"x" * (number % 128) for number in range(rows)])) == (rows > 0)


@pytest.mark.parametrize("kind", KINDS)
def test_no_change_of_bytes_makes_it_read_another_value(kind: str) -> None:
    spec, values = KINDS[kind]
    rng = random.Random(kind)
    direct = 0
    seeds = [
        written(spec, values[start : start + rows], as_content=as_content)
        for start in (0, 1, 2) for rows in (1, 2, 3) for as_content in (False, True)
    ]  # fmt: skip
    for _ in range(8000):
        mutated = bytearray(rng.choice(seeds)[:200])
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(len(mutated))
            if rng.random() < 0.6:
                mutated[place] = rng.choice([0, 1, 2, 0x22, 0x2A, 0x42, 0x52, 0x7F, 0x80, 0xFF, rng.randrange(256)])
            elif rng.random() < 0.5:
                mutated.insert(place, rng.randrange(256))
            elif len(mutated) > 1:
                del mutated[place]
        direct += same(spec, bytes(mutated))
    assert direct > (100 if kind not in ("uint8", "bool") else -1)


def test_the_request_is_the_same_on_the_wire() -> None:
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest(output_filter=["a", "b"])
    request.model_spec.name, request.model_spec.signature_name = "click", "predict"
    request.model_spec.version.value = 7
    for name, (spec, values) in KINDS.items():
        request.inputs[name].CopyFrom(proto_from_array(spec, np.array(values, dtype=spec.numpy_dtype)))
    lean = predict_request_class().FromString(request.SerializeToString())
    assert lean.DESCRIPTOR.full_name == "tensorflow.serving.PredictRequest"
    assert (lean.model_spec.name, lean.model_spec.version.value) == ("click", 7)
    assert lean.model_spec.WhichOneof("version_choice") == "version"
    assert list(lean.output_filter) == ["a", "b"]
    assert dict(lean.inputs) == {name: proto.SerializeToString() for name, proto in request.inputs.items()}
    labelled = predict_pb2.PredictRequest()
    labelled.model_spec.version_label = "stable"
    assert predict_request_class().FromString(labelled.SerializeToString()).model_spec.version_label == "stable"


def test_bytes_that_are_no_tensor_are_refused_by_the_inputs_name() -> None:
    with pytest.raises(RequestError, match="tensor parsing error: bid: "):
        parse_tensor("bid", b"\xff\xff")
