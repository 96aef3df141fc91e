"""Calls of a model server that stalls, fails or comes back, played by a gRPC server in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from loopback_ports import free_ports

from configs.gateway import Upstream
from serving.gateway.coalescing import Coalescer
from serving.gateway.codes import Refusal
from serving.gateway.messages import messages
from serving.gateway.model_calls import Answer, ModelCalls, RowsRefusedError, predict_request
from serving.gateway.row_checks import ModelInput

INPUTS = (
    ModelInput("bid", "DT_FLOAT", False),
    ModelInput("hour", "DT_INT64", False),
    ModelInput("site", "DT_STRING", False),
)
Predict = Callable[[Any, Any], Awaitable[Any]]


def row(bid: float) -> list[float | int | bytes]:
    return [bid, 7, b"abc"]


def reply(request: Any, version: int = 1) -> Any:
    """Each row's bid as its probability."""
    response = messages().predict_response()
    response.model_spec.version.value = version
    response.outputs["click_probability"].float_val.extend(request.inputs["bid"].float_val)
    return response


class Stub:
    """A model server whose Predict is the test's own function."""

    def __init__(self, predict: Predict, port: int) -> None:
        self._server = grpc.aio.server()
        handler = grpc.unary_unary_rpc_method_handler(
            predict, messages().predict_request.FromString, messages().predict_response.SerializeToString
        )
        generic = grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", {"Predict": handler})
        self._server.add_generic_rpc_handlers((generic,))
        self._server.add_insecure_port(f"127.0.0.1:{port}")

    async def __aenter__(self) -> Stub:
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)


def run(predict: Predict, work: Callable[[ModelCalls, Upstream], Awaitable[None]], **settings: Any) -> None:
    """`work` with calls to a stub; the loop ends with it."""
    (port,) = free_ports(1)
    upstream = Upstream(server=f"127.0.0.1:{port}", model_name="click", **settings)

    async def main() -> None:
        async with Stub(predict, port):
            calls = ModelCalls(upstream, INPUTS)
            try:
                await work(calls, upstream)
            finally:
                await calls.close()

    asyncio.run(main())


def test_requests_are_those_of_tensorflow_servings_own_messages() -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    text = predict_request("click", INPUTS, [row(0.5), row(float("nan"))]).SerializeToString()
    request = predict_pb2.PredictRequest.FromString(text)
    assert (request.model_spec.name, request.model_spec.signature_name) == ("click", "predict")
    assert tf.make_ndarray(request.inputs["hour"]).tolist() == [7, 7]
    assert tf.make_ndarray(request.inputs["site"]).tolist() == [b"abc", b"abc"]
    assert str(tf.make_ndarray(request.inputs["bid"]).tolist()) == "[0.5, nan]"
    known = predict_pb2.PredictRequest.FromString(text)
    known.DiscardUnknownFields()
    assert known.ByteSize() == len(text)


def test_only_an_unreachable_server_is_asked_again() -> None:
    asked: list[Any] = []
    codes = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, None, grpc.StatusCode.INTERNAL]

    async def predict(request: Any, context: Any) -> Any:
        code = codes[len(asked)]
        asked.append(request)
        if code is not None:
            await context.abort(code, "inside words")
        return reply(request)

    async def work(calls: ModelCalls, _: Upstream) -> None:
        assert await calls.predict([row(0.25)], 5.0) == [Answer(0.25, None, 1)]
        assert (len(asked), calls.retries) == (3, 2)
        with pytest.raises(Refusal) as refused:
            await calls.predict([row(0.25)], 5.0)
        assert refused.value.code == "model_incompatible"
        assert "inside" not in refused.value.message
        assert len(asked) == 4

    run(predict, work, max_attempts=3)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (grpc.StatusCode.UNAVAILABLE, "model_unavailable"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "model_unavailable"),
        (grpc.StatusCode.NOT_FOUND, "model_unavailable"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "deadline_exceeded"),
        (grpc.StatusCode.FAILED_PRECONDITION, "model_incompatible"),
    ],
)
def test_a_servers_errors_have_codes_of_the_gateways(status: grpc.StatusCode, code: str) -> None:
    async def predict(_: Any, context: Any) -> Any:
        await context.abort(status, "inside words")

    async def work(calls: ModelCalls, _: Upstream) -> None:
        with pytest.raises(Refusal) as refused:
            await calls.predict([row(0.25)], 5.0)
        assert refused.value.code == code

    run(predict, work, max_attempts=2)


@pytest.mark.parametrize("bad", [float("nan"), 1.5, -0.1])
def test_what_is_no_probability_is_not_passed_on(bad: float) -> None:
    async def predict(request: Any, _: Any) -> Any:
        return reply(request)

    async def work(calls: ModelCalls, _: Upstream) -> None:
        with pytest.raises(Refusal) as refused:
            await calls.predict([row(bad)], 5.0)
        assert refused.value.code == "model_incompatible"

    run(predict, work)


def test_a_server_that_stalls_costs_its_deadline_and_no_more() -> None:
    async def predict(request: Any, _: Any) -> Any:
        await asyncio.sleep(30)
        return reply(request)

    async def work(calls: ModelCalls, _: Upstream) -> None:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        with pytest.raises(Refusal) as refused:
            await calls.predict([row(0.5)], 0.2)
        assert refused.value.code == "deadline_exceeded"
        assert 0.19 < loop.time() - start_s < 5

    run(predict, work)


def test_rows_that_arrive_during_a_call_share_the_next() -> None:
    sizes: list[int] = []
    go = asyncio.Event()

    async def predict(request: Any, _: Any) -> Any:
        sizes.append(len(request.inputs["bid"].float_val))
        if len(sizes) == 1:
            await go.wait()
        return reply(request)

    async def work(calls: ModelCalls, upstream: Upstream) -> None:
        lane, deadline_s = Coalescer(calls, upstream, 4), asyncio.get_running_loop().time() + 10
        futures = [future for i in range(7) for future in lane.submit([row(i / 10)], deadline_s)]
        while not sizes:
            await asyncio.sleep(0.001)
        go.set()
        answers = await asyncio.gather(*futures)
        assert [round(answer.click_probability, 3) for answer in answers] == [i / 10 for i in range(7)]
        assert sizes == [1, 4, 2]

    run(predict, work, max_calls_in_flight=1)


def test_a_stalled_call_holds_nobody_up() -> None:
    async def predict(request: Any, _: Any) -> Any:
        if request.inputs["bid"].float_val[0] == 0:
            await asyncio.sleep(30)
        return reply(request)

    async def work(calls: ModelCalls, upstream: Upstream) -> None:
        loop = asyncio.get_running_loop()
        lane = Coalescer(calls, upstream, 4)
        (stalled,) = lane.submit([row(0.0)], loop.time() + 20)
        (quick,) = lane.submit([row(0.5)], loop.time() + 5)
        assert (await quick).click_probability == 0.5
        assert not stalled.done()
        stalled.cancel()

    run(predict, work, max_calls_in_flight=2)


def test_a_refused_row_fails_alone_and_a_refused_table_does_not_multiply_calls() -> None:
    calls_made = [0]
    refuse_all = [False]

    async def predict(request: Any, context: Any) -> Any:
        calls_made[0] += 1
        if refuse_all[0] or 1.0 in request.inputs["bid"].float_val:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
        return reply(request)

    async def work(calls: ModelCalls, upstream: Upstream) -> None:
        lane, deadline_s = Coalescer(calls, upstream, 8), asyncio.get_running_loop().time() + 10
        rows = [row(1.0 if i == 5 else 0.5) for i in range(8)]
        found = await asyncio.gather(*lane.submit(rows, deadline_s), return_exceptions=True)
        assert [isinstance(each, RowsRefusedError) for each in found] == [i == 5 for i in range(8)]
        assert calls_made[0] == 7  # 8 rows; 0-3, 4-7; 4-5, 6-7; 4, 5
        rows = [row(1.0 if i in (0, 1, 5) else 0.5) for i in range(8)]
        found = await asyncio.gather(*lane.submit(rows, deadline_s), return_exceptions=True)
        assert [isinstance(each, RowsRefusedError) for each in found] == [i in (0, 1, 5) for i in range(8)]
        refuse_all[0], calls_made[0] = True, 0
        for wanted in (15, 16, 17):  # all halves of the first call, then a call each
            found = await asyncio.gather(*lane.submit(rows, deadline_s), return_exceptions=True)
            assert all(isinstance(each, RowsRefusedError) for each in found)
            assert calls_made[0] == wanted

    run(predict, work)


def test_rows_beyond_the_queue_are_refused_at_once() -> None:
    async def predict(request: Any, _: Any) -> Any:
        await asyncio.sleep(30)
        return reply(request)

    async def work(calls: ModelCalls, upstream: Upstream) -> None:
        lane, deadline_s = Coalescer(calls, upstream, 2), asyncio.get_running_loop().time() + 0.3
        taken = [lane.submit([row(0.5)], deadline_s)[0] for _ in range(4)]  # one is sent, three wait
        with pytest.raises(Refusal) as refused:
            lane.submit([row(0.5)], deadline_s)
        assert (refused.value.code, refused.value.retry_after_s) == ("overloaded", 1.0)
        found = await asyncio.gather(*taken, return_exceptions=True)
        assert {each.code for each in found if isinstance(each, Refusal)} == {"deadline_exceeded"}

    run(predict, work, max_waiting_rows=3, max_calls_in_flight=1)


def test_several_addresses_are_asked_in_turn() -> None:
    asked: list[int] = []

    def server(number: int) -> Predict:
        async def predict(request: Any, _: Any) -> Any:
            asked.append(number)
            return reply(request)

        return predict

    async def main() -> None:
        ports = free_ports(2)
        addresses = ",".join(f"127.0.0.1:{port}" for port in ports)
        async with Stub(server(0), ports[0]), Stub(server(1), ports[1]):
            calls = ModelCalls(Upstream(server=f"ipv4:{addresses}", model_name="click"), INPUTS)
            try:
                for _ in range(20):
                    await calls.predict([row(0.25)], 5.0)
            finally:
                await calls.close()

    asyncio.run(main())
    # Once both are connected they alternate; before that the first one answers alone.
    assert asked.count(0) >= 5
    assert asked.count(1) >= 5
