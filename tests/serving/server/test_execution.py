"""The executor with models that are plain functions, so that each test decides how long a run takes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from serving.models.loader import Signature
from serving.protocol.prepared_call import Outputs, Work
from serving.request_error import Code, RequestError, invalid_argument
from serving.server.batching_parameters import BatchingParameters
from serving.server.execution import Executor
from serving.server.lease import Lease

SIGNATURE = Signature("double", "tensorflow/serving/predict", {}, {})
BATCHING = BatchingParameters(max_batch_size=8, max_execution_batch_size=8, num_batch_threads=1)


class Doubler:
    """A model whose answer is twice its input; keeps the inputs of each run."""

    def __init__(self, before: Callable[[Any], object] = lambda _: None) -> None:
        self.runs: list[list[float]] = []
        self._before = before

    def run(self, signature: Signature, inputs: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, Any]:
        assert signature is SIGNATURE
        self.runs.append(inputs["x"].ravel().tolist())
        self._before(inputs["x"])
        return dict.fromkeys(outputs, 2 * inputs["x"])


class Servable:
    """Just the model."""

    def __init__(self, model: Any) -> None:
        self.model = model


def lease_of(model: Any) -> Lease:
    return Lease(contextlib.nullcontext(Servable(model)))


def work(*rows: float) -> Work:
    return Work(SIGNATURE, {"x": np.float64(rows)}, ["y"])


def run_on_loop(
    test: Callable[[Executor], Coroutine[Any, Any, None]], batching: BatchingParameters | None = BATCHING, **limits: int
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        executor = Executor(loop, limits.get("threads", 1), limits.get("max_waiting", 100), batching)
        try:
            await asyncio.wait_for(test(executor), 20)
        finally:
            executor.stop(5)

    asyncio.run(main())


def refused(outcome: Outputs | BaseException) -> Code:
    assert isinstance(outcome, RequestError), outcome
    return outcome.code


def test_what_arrives_together_runs_together_and_each_gets_its_own_rows() -> None:
    model = Doubler()

    async def test(executor: Executor) -> None:
        lease = lease_of(model)
        waits = [executor.submit(lease, work(i, i + 0.5), 10) for i in range(3)]
        outputs = [await wait.future for wait in waits]
        assert [output["y"].tolist() for output in outputs] == [[0, 1], [2, 3], [4, 5]]
        assert model.runs == [[0, 0.5, 1, 1.5, 2, 2.5]]

    run_on_loop(test)


def test_without_batching_each_work_runs_by_itself() -> None:
    model = Doubler()

    async def test(executor: Executor) -> None:
        lease = lease_of(model)
        waits = [executor.submit(lease, work(i), 10) for i in range(3)]
        assert [(await wait.future)["y"].tolist() for wait in waits] == [[0], [2], [4]]
        assert model.runs == [[0], [1], [2]]

    run_on_loop(test, batching=None)


def test_while_a_thread_is_busy_arrivals_gather_up_to_the_largest_batch() -> None:
    free = threading.Event()
    model = Doubler(lambda x: free.wait(5) if x[0] == 0 else None)

    async def test(executor: Executor) -> None:
        lease = lease_of(model)
        waits = [executor.submit(lease, work(0), 10)]
        while not model.runs:
            await asyncio.sleep(0.001)
        waits += [executor.submit(lease, work(i), 10) for i in range(1, 11)]
        free.set()
        outputs = [(await wait.future)["y"].tolist() for wait in waits]
        assert outputs == [[2 * i] for i in range(11)]
        assert [len(run) for run in model.runs] == [1, 8, 2]

    run_on_loop(test)


def test_one_bad_request_does_not_fail_its_neighbours() -> None:
    def refuse_13(x: Any) -> None:
        if 13 in x:
            raise invalid_argument("13 is refused")

    model = Doubler(refuse_13)

    async def test(executor: Executor) -> None:
        lease = lease_of(model)
        waits = [executor.submit(lease, work(i), 10) for i in (1, 13, 3)]
        good, bad, other = await asyncio.gather(*(wait.future for wait in waits), return_exceptions=True)
        assert (good["y"].tolist(), other["y"].tolist()) == ([2], [6])  # type: ignore[index]
        assert str(bad) == "INVALID_ARGUMENT: 13 is refused"
        assert model.runs == [[1, 13, 3], [1], [13], [3]]

    run_on_loop(test)


def test_rows_of_other_shapes_wait_for_their_own_run() -> None:
    model = Doubler()

    async def test(executor: Executor) -> None:
        lease = lease_of(model)
        wide = Work(SIGNATURE, {"x": np.float64([[7, 8]])}, ["y"])
        waits = [executor.submit(lease, each, 10) for each in (work(1), wide, work(2))]
        outputs = [(await wait.future)["y"].tolist() for wait in waits]
        assert outputs == [[2], [[14, 16]], [4]]
        assert sorted(model.runs) == [[1, 2], [7, 8]]

    run_on_loop(test)


def test_a_request_beyond_the_limit_is_refused_or_split_where_asked() -> None:
    model = Doubler()

    async def refuse(executor: Executor) -> None:
        with pytest.raises(RequestError, match="Task size 9 is larger than maximum input batch size 8"):
            executor.submit(lease_of(model), work(*range(9)), 10)

    async def split(executor: Executor) -> None:
        output = await executor.submit(lease_of(model), work(*range(7)), 10).future
        assert output["y"].tolist() == [0, 2, 4, 6, 8, 10, 12]
        assert [len(run) for run in model.runs] == [3, 3, 1]

    run_on_loop(refuse)
    run_on_loop(split, BatchingParameters(max_batch_size=8, max_execution_batch_size=3, num_batch_threads=1))


@pytest.mark.parametrize("batching", [None, BatchingParameters(2, max_enqueued_batches=2, max_execution_batch_size=2)])
def test_a_full_queue_refuses_at_once(batching: BatchingParameters | None) -> None:
    """Four runs may wait: max_waiting, or two batches of two rows."""
    free = threading.Event()
    model = Doubler(lambda _: free.wait(5))

    async def test(executor: Executor) -> None:
        lease = lease_of(model)
        first = executor.submit(lease, work(0), 10)
        while not model.runs:
            await asyncio.sleep(0.001)
        waits = [executor.submit(lease, work(i), 10) for i in range(1, 5)]
        with pytest.raises(RequestError, match="The batch scheduling queue to which this task was submitted is full"):
            executor.submit(lease, work(5), 10)
        free.set()
        assert [(await wait.future)["y"].tolist() for wait in (first, *waits)] == [[0], [2], [4], [6], [8]]

    run_on_loop(test, batching, max_waiting=4)


def test_expired_cancelled_and_gone_work_is_never_run() -> None:
    free = threading.Event()
    model = Doubler(lambda _: free.wait(5))

    async def test(executor: Executor) -> None:
        lease = lease_of(model)
        first = executor.submit(lease, work(0), 10)
        while not model.runs:
            await asyncio.sleep(0.001)
        expired = executor.submit(lease, work(1), 10, deadline_s=time.monotonic() + 0.01)
        cancelled = executor.submit(lease, work(2), 10)
        gone = executor.submit(lease, work(3), 10, gone=lambda: True)
        last = executor.submit(lease, work(4), 10, deadline_s=time.monotonic() + 10, gone=lambda: False)
        cancelled.future.cancel()
        await asyncio.sleep(0.02)
        free.set()
        await first.future
        assert (await last.future)["y"].tolist() == [8]
        outcomes = await asyncio.gather(expired.future, gone.future, return_exceptions=True)
        assert [refused(outcome) for outcome in outcomes] == [Code.DEADLINE_EXCEEDED, Code.CANCELLED]
        assert model.runs == [[0], [4]]

    run_on_loop(test)


def test_quick_runs_move_to_the_loop_and_slow_ones_leave_it() -> None:
    threads: list[str] = []

    def note(x: Any) -> None:
        threads.append(threading.current_thread().name)
        if x[0] == 99:
            time.sleep(0.05)  # longer than a run on the loop may take

    model = Doubler(note)

    async def test(executor: Executor) -> None:
        lease = lease_of(model)

        async def one(value: float, size_bytes: int = 10) -> str:
            await executor.submit(lease, work(value), size_bytes).future
            return threads[-1]

        main = threading.current_thread().name
        assert [await one(1) for _ in range(8)] == ["run-0"] * 8
        assert await one(1) == main
        assert await one(1, size_bytes=100_000) == "run-0"  # may hold an image to be decoded
        assert await one(99) == main
        assert await one(1) == "run-0"  # barred

    run_on_loop(test)


def test_a_batch_timeout_waits_for_more_only_where_asked_for() -> None:
    model = Doubler()
    patient = BatchingParameters(8, batch_timeout_s=0.05, max_execution_batch_size=8, num_batch_threads=1)

    async def test(executor: Executor) -> None:
        lease = lease_of(model)
        started_s = time.monotonic()
        first = executor.submit(lease, work(1), 10)
        await asyncio.sleep(0.01)
        second = executor.submit(lease, work(2), 10)
        await asyncio.gather(first.future, second.future)
        assert time.monotonic() - started_s >= 0.05
        assert model.runs == [[1, 2]]

    run_on_loop(test, patient)


def test_a_version_is_held_until_its_run_ends_though_the_request_is_gone() -> None:
    free = threading.Event()
    model = Doubler(lambda _: free.wait(5))
    released = []

    @contextlib.contextmanager
    def handle() -> Any:
        yield Servable(model)
        released.append(True)

    async def test(executor: Executor) -> None:
        lease = Lease(handle())
        wait = executor.submit(lease, work(0), 10)
        while not model.runs:
            await asyncio.sleep(0.001)
        wait.future.cancel()
        lease.release()
        assert not released
        free.set()
        while not released:
            await asyncio.sleep(0.001)

    run_on_loop(test)


def test_large_requests_do_not_go_together() -> None:
    model = Doubler()

    async def test(executor: Executor) -> None:
        lease = lease_of(model)
        waits = [executor.submit(lease, work(i), 100_000) for i in range(5)]  # two fit into 256 KiB
        assert [(await wait.future)["y"].tolist() for wait in waits] == [[0], [2], [4], [6], [8]]
        assert [len(run) for run in model.runs] == [2, 2, 1]

    run_on_loop(test)


class Constant:
    """A model whose signature takes nothing; its output has a length of its own."""

    def run(self, signature: Signature, inputs: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, Any]:
        assert not inputs
        return {"bounds": np.float32([0.1, 0.2, 0.3])}


def test_signatures_without_inputs_run_by_themselves_where_others_are_batched() -> None:
    async def test(executor: Executor) -> None:
        lease = lease_of(Constant())
        waits = [executor.submit(lease, Work(SIGNATURE, {}, ["bounds"]), 10) for _ in range(3)]
        for wait in waits:
            assert (await wait.future)["bounds"].shape == (3,)

    run_on_loop(test)
