"""Confidence while the model server gives its calibration late, not at all, or in another form."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from loopback_ports import free_ports

from configs.gateway import Upstream
from serving.gateway.calibration import Calibrations, Looked
from serving.gateway.codes import Refusal
from serving.gateway.messages import messages
from serving.gateway.model_calls import ModelCalls
from serving.gateway.model_watch import ModelWatch

Answer = Callable[[Any, Any], Awaitable[Any]]


def run(answer: Answer, work: Callable[[ModelCalls, Calibrations], Awaitable[None]], **methods: Answer) -> None:
    """`work` with a server that answers each Predict by `answer`, which gives bytes."""
    (port,) = free_ports(1)

    async def main() -> None:
        server = grpc.aio.server()
        handlers = {"PredictionService": {"Predict": answer}, "ModelService": methods}
        for service, made in handlers.items():
            named = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in made.items()}
            generic = grpc.method_handlers_generic_handler(f"tensorflow.serving.{service}", named)
            server.add_generic_rpc_handlers((generic,))
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        calls = ModelCalls(Upstream(server=f"127.0.0.1:{port}", model_name="click", max_attempts=1), ())
        try:
            await work(calls, Calibrations(calls))
        finally:
            await calls.close()
            await server.stop(0)

    asyncio.run(main())


def bins_reply(**outputs: list[float]) -> bytes:
    response = messages().predict_response()
    for name, values in outputs.items():
        response.outputs[name].float_val.extend(values)
    return bytes(response.SerializeToString())


GOOD = bins_reply(score_upper_bounds=[0.25, 0.5], impressions=[10, 20, 40], clicks=[1, 4, 20])


@pytest.mark.parametrize(
    ("score", "rate"), [(0.1, 0.1), (0.25, 0.1), (0.2500001, 0.2), (0.5, 0.2), (0.5000001, 0.5), (1.0, 0.5)]
)
def test_a_score_on_a_bound_is_of_the_bin_below(score: float, rate: float) -> None:
    """1/10 up to 0.25, 4/20 up to 0.5, 20/40 above: bounds[i - 1] < score <= bounds[i]."""

    async def answer(*_: Any) -> bytes:
        return GOOD

    async def work(_: ModelCalls, calibrations: Calibrations) -> None:
        await calibrations.fetch(1)
        found = calibrations.look_up(1, score).confidence
        assert found is not None
        assert found["observed_click_rate"] == rate

    run(answer, work)


async def _refuse_calls_without_inputs(_: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Batching Run() must have at least one input tensor")


async def _no_such_signature(_: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.FAILED_PRECONDITION, 'Serving signature key "calibration" not found.')


async def _out(_: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.UNAVAILABLE, "going away")


async def _torn_tensor(*_: Any) -> bytes:
    response = messages().predict_response()
    for name in ("score_upper_bounds", "impressions", "clicks"):
        response.outputs[name].tensor_content = b"\0\0\0"  # no whole float
    return bytes(response.SerializeToString())


async def _another_protocol(*_: Any) -> bytes:
    return b"\xff\xff\xff no protobuf"


@pytest.mark.parametrize(
    ("answer", "reason", "asked_again"),
    [
        (_refuse_calls_without_inputs, "calibration_unavailable", False),
        (_out, "calibration_unavailable", False),
        (_no_such_signature, "model_has_no_calibration", False),
        (_torn_tensor, "model_has_no_calibration", False),
    ],
)
def test_what_is_not_known_is_said_and_asked_once(answer: Answer, reason: str, asked_again: bool) -> None:
    async def work(_: ModelCalls, calibrations: Calibrations) -> None:
        assert calibrations.unheard_of(7)
        await calibrations.fetch(7)
        assert calibrations.look_up(7, 0.5) == Looked(None, reason)
        assert not calibrations.unheard_of(7)
        assert calibrations.to_be_asked(7) == asked_again  # the pause after a failure

    run(answer, work)


@pytest.mark.alone
def test_a_server_that_holds_its_calibration_back_costs_a_request_its_own_time_at_most() -> None:

    async def work(_: ModelCalls, calibrations: Calibrations) -> None:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        await calibrations.fetch(1, 0.1)
        assert 0.09 < loop.time() - start_s < 0.5  # the call itself has a second
        assert calibrations.look_up(1, 0.5).reason == "calibration_unavailable"
        await calibrations.fetch(1, 5.0)  # waits for the same call, which fails after its second
        assert not calibrations.unheard_of(1)

    async def stall(*_: Any) -> bytes:
        await asyncio.sleep(30)
        return GOOD

    run(stall, work)


def test_answers_of_another_protocol_have_a_code_and_end_no_watch() -> None:
    async def work(calls: ModelCalls, calibrations: Calibrations) -> None:
        for asked in (calls.predict([[]], 5.0), calls.versions_in_service(5.0), calls.calibration(1, 5.0)):
            with pytest.raises(Refusal) as refused:
                await asked
            assert refused.value.code == "model_incompatible"
        watch = ModelWatch(calls, calibrations, 0.05)
        task = asyncio.get_running_loop().create_task(watch.run())
        await asyncio.sleep(0.4)
        assert not task.done()
        assert not watch.ready
        task.cancel()

    run(_another_protocol, work, GetModelStatus=_another_protocol)
