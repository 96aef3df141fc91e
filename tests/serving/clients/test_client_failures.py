"""Both clients against servers that fail as a script says; the servers count what they are asked."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest
from loopback_ports import free_ports
from scripted_servers import (
    ROW,
    TABLE,
    Refusal,
    Served,
    answer,
    grpc_server,
    http_server,
    refuse,
    reset,
    trickle,
)

from serving.client import (
    ClickClient,
    DeadlineError,
    GrpcClient,
    RestClient,
    ServerRefusedError,
    ServerUnreachableError,
)

BUSY, INVALID, BROKEN = "busy", "invalid", "broken"


class Protocol:
    """One protocol's client, and its server for scripts of probabilities and the words above."""

    def __init__(self, name: str) -> None:
        self.name = name

    def serve(self, *script: object, port: int = 0) -> AbstractContextManager[Served]:
        if self.name == "rest":
            codes = {BUSY: 503, INVALID: 400, BROKEN: 500}
            steps = [refuse(codes[s]) if isinstance(s, str) else answer(s) for s in script]  # type: ignore[arg-type]  # probabilities
            return http_server(steps, port=port)
        names = {BUSY: "RESOURCE_EXHAUSTED", INVALID: "INVALID_ARGUMENT", BROKEN: "INTERNAL"}
        refusals = [Refusal(names[s]) if isinstance(s, str) else s for s in script]
        return grpc_server(refusals, f"127.0.0.1:{port}")  # type: ignore[arg-type]  # refusals and probabilities

    def client(self, address: str, **options: Any) -> ClickClient:
        kind = RestClient if self.name == "rest" else GrpcClient
        return kind(address, "m", features=TABLE, **options)


@pytest.fixture(params=["rest", "grpc"])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    return Protocol(request.param)


def test_a_busy_server_is_asked_again(protocol: Protocol) -> None:
    with protocol.serve(BUSY, BUSY, 0.25) as served, protocol.client(served.address) as client:
        (prediction,) = client.predict([ROW])
    assert (prediction.click_probability, prediction.model_version, prediction.creative_status) == (0.25, 7, None)
    assert len(served.asked) == 3


@pytest.mark.parametrize(("failure", "retries", "asked"), [(BUSY, 2, 3), (BUSY, 0, 1), (INVALID, 2, 1), (BROKEN, 2, 1)])
def test_attempts_are_counted(protocol: Protocol, failure: str, retries: int, asked: int) -> None:
    with (
        protocol.serve(failure) as served,
        protocol.client(served.address, retries=retries) as client,
        pytest.raises(ServerRefusedError, match="as scripted") as caught,
    ):
        client.predict([ROW])
    assert (len(served.asked), caught.value.attempts) == (asked, asked)


@pytest.mark.alone
def test_the_deadline_holds_over_retries(protocol: Protocol) -> None:
    """Waits of 0 to 0.05, 0.1, 0.2, … s: before twenty of them are over, so are 0.5 s."""
    started = time.monotonic()
    with (
        protocol.serve(BUSY) as served,
        protocol.client(served.address, timeout_s=0.5, retries=20) as client,
        pytest.raises(ServerRefusedError),
    ):
        client.predict([ROW])
    assert time.monotonic() - started < 1.5
    assert 2 <= len(served.asked) <= 20


@pytest.mark.alone
def test_the_calls_own_timeout_is_the_shorter_one() -> None:
    with grpc_server([math.nan]) as served, GrpcClient(served.address, "m", features=TABLE) as client:
        with pytest.raises(DeadlineError, match=r"no answer from .* \(gRPC\): nothing within 0\.(2|19\d?) s"):
            client.predict([ROW], timeout_s=0.2)
        with pytest.raises(ValueError, match="timeout_s 0 is not positive"):
            client.predict([ROW], timeout_s=0)
    assert len(served.asked) == 1  # a late answer is not asked for again


@pytest.mark.alone
def test_a_trickle_gains_no_time() -> None:
    started = time.monotonic()
    with (
        http_server([trickle]) as served,
        RestClient(served.address, "m", 0.3, features=TABLE) as client,
        pytest.raises(DeadlineError, match=r"nothing within 0\.(3|29\d?) s"),
    ):
        client.predict([ROW])
    assert time.monotonic() - started < 1.0  # the reply would have taken 5 s
    assert len(served.asked) == 1


def test_a_reset_within_the_body_is_asked_again() -> None:
    with http_server([reset, reset, answer(0.5)]) as served, RestClient(served.address, "m", features=TABLE) as client:
        assert client.predict([ROW])[0].click_probability == 0.5
    assert len(served.asked) == 3


def test_a_reset_is_an_error_without_retries_also_on_a_used_connection() -> None:
    """The one silent repetition is for a connection that ends before any answer, not for one that breaks within."""
    with (
        http_server([answer(), reset]) as served,
        RestClient(served.address, "m", features=TABLE, retries=0) as client,
    ):
        client.predict([ROW])
        with pytest.raises(ServerUnreachableError):
            client.predict([ROW])
    assert len(served.asked) == 2
    assert served.connections == 1


@pytest.mark.alone
def test_retry_after_is_waited_for() -> None:
    started = time.monotonic()
    script = [refuse(429, {"Retry-After": "1"}), answer()]
    with http_server(script) as served, RestClient(served.address, "m", features=TABLE) as client:
        client.predict([ROW])
    assert 1.0 <= time.monotonic() - started < 3.0
    assert len(served.asked) == 2


@pytest.mark.alone
def test_a_retry_after_beyond_the_deadline_is_told_at_once() -> None:
    script = [refuse(503, {"Retry-After": "30"})]
    with http_server(script) as served, RestClient(served.address, "m", 5.0, features=TABLE) as client:
        started = time.monotonic()
        with pytest.raises(ServerRefusedError) as caught:
            client.predict([ROW])
    assert time.monotonic() - started < 1
    assert (caught.value.retry_after_s, caught.value.retryable, len(served.asked)) == (30, True, 1)


def test_grpcs_pushback_is_waited_for() -> None:
    script: Sequence[float | Refusal] = [Refusal("UNAVAILABLE", (("grpc-retry-pushback-ms", "300"),)), 0.25]
    started = time.monotonic()
    with grpc_server(script) as served, GrpcClient(served.address, "m", features=TABLE) as client:
        client.predict([ROW])
    assert time.monotonic() - started >= 0.3
    assert len(served.asked) == 2


def test_nobody_listening_is_tried_again_within_the_time(protocol: Protocol) -> None:
    (port,) = free_ports(1)
    with protocol.client(f"127.0.0.1:{port}", retries=8) as client, pytest.raises(ServerUnreachableError) as caught:
        client.predict([ROW], timeout_s=1.0)
    assert caught.value.attempts > 1
    assert f"127.0.0.1:{port}" in str(caught.value)


def test_a_server_that_starts_late_is_reached(protocol: Protocol) -> None:
    """0.3 s late, while waits of up to 0.05 + 0.1 + … + 2 s go on for 8 s."""
    (port,) = free_ports(1)
    answers: list[float] = []

    def ask() -> None:
        with protocol.client(f"127.0.0.1:{port}", retries=40) as client:
            answers.append(client.predict([ROW], timeout_s=8)[0].click_probability)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.3)
    with protocol.serve(0.5, port=port) as served:
        asking.join()
    assert answers == [0.5]
    assert len(served.asked) == 1


@pytest.mark.alone
def test_a_host_that_does_not_answer_costs_the_connect_timeout_only(protocol: Protocol) -> None:
    """A listener whose queue is full takes no more connections, as a host behind a silent firewall."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        queued = [socket.socket() for _ in range(4)]
        for one in queued:
            one.setblocking(False)
            one.connect_ex(address)
        started = time.monotonic()
        client = protocol.client(f"127.0.0.1:{address[1]}", timeout_s=5.0, connect_timeout_s=0.2, retries=1)
        with client, pytest.raises(ServerUnreachableError) as caught:
            client.predict([ROW])
        for one in queued:
            one.close()
    assert not isinstance(caught.value, DeadlineError)
    assert caught.value.attempts == 2
    assert 0.2 <= time.monotonic() - started < 2
    if protocol.name == "rest":
        assert "no connection within 0.2 s" in str(caught.value)


def test_a_refusal_that_comes_before_the_body_is_read_is_heard() -> None:
    """RFC 9112, section 9.6: the server answers, says no more and closes, with megabytes still on their way."""
    reply = b'HTTP/1.1 413 X\r\nConnection: close\r\nContent-Length: 20\r\n\r\n{"error": "too big"}'

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.sendall(reply)
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.2)
        connection.close()  # unread data: the client's socket is reset

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve, args=(listener,))
        serving.start()
        row = {**ROW, "site": "x" * 20_000_000}
        client = RestClient(f"127.0.0.1:{listener.getsockname()[1]}", "m", features=TABLE, retries=0)
        with client, pytest.raises(ServerRefusedError, match="the server answered 413: too big"):
            client.predict([row])
        serving.join()


def test_idle_connections_are_used_again_and_no_more_than_threads() -> None:
    with http_server([answer()]) as served, RestClient(served.address, "m", features=TABLE) as client:
        run_at_once(4, lambda: [client.predict([ROW]) for _ in range(10)])
        client.predict([ROW])
    assert len(served.asked) == 41
    assert served.connections <= 4


def test_a_forked_process_leaves_the_parents_connections_alone() -> None:
    """On a shared one each would read the other's replies. One for parent and child each, and the parent keeps its."""
    with http_server([answer()]) as served, RestClient(served.address, "m", features=TABLE) as client:
        client.predict([ROW])
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                client.predict([ROW])
                client.close()
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        assert served.connections == 2
        client.predict([ROW])
        assert served.connections == 2
    assert len(served.asked) == 3


def test_a_token_goes_with_every_request(protocol: Protocol) -> None:
    with protocol.serve(0.5) as served, protocol.client(served.address, token="abc.def") as client:
        client.predict([ROW])
    headers = {name.lower(): value for name, value in served.headers[0].items()}
    assert headers["authorization"] == "Bearer abc.def"


def test_a_closed_client_says_so(protocol: Protocol) -> None:
    with protocol.serve(0.5) as served:
        client = protocol.client(served.address)
        client.predict([ROW])
        client.close()
        client.close()
        with pytest.raises(ValueError, match="the client is closed; make another"):
            client.predict([ROW])


def run_at_once(threads: int, work: Callable[[], object]) -> None:
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # raised again in the test's own thread
            failures.append(error)

    running = [threading.Thread(target=guarded) for _ in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    if failures:
        raise failures[0]
