"""The one seam to TensorFlow's fast, private way of running a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
SessionCall = Callable[[Sequence[Array]], list[Array]]

_CALLERS_THREAD = -1  # of RunOptions.inter_op_thread_pool


def make_session_call(
    session: Any, feed_names: Sequence[str], fetch_names: Sequence[str], in_callers_thread: bool = False
) -> SessionCall:
    """A function from feed values (in the order of `feed_names`) to fetched values.

    `Session._make_callable_from_options` is several times quicker a call than `Session.run` and, like the C++
    server, accepts feeds whose static shape is looser than declared. It is private, so a TensorFlow
    without it gets `Session.run` instead: the same answers, more slowly.
    """
    # A callable must not name a fetch twice, while a signature may expose one tensor under two names.
    distinct_fetches = list(dict.fromkeys(fetch_names))
    picks = [distinct_fetches.index(name) for name in fetch_names]
    run = _options_callable(session, feed_names, distinct_fetches, in_callers_thread) or _session_run(
        session, feed_names, distinct_fetches
    )

    def call(feeds: Sequence[Array]) -> list[Array]:
        fetched = run(feeds)
        return [np.asarray(fetched[pick]) for pick in picks]

    return call


def _options_callable(
    session: Any, feed_names: Sequence[str], fetch_names: Sequence[str], in_callers_thread: bool
) -> SessionCall | None:
    from tensorflow.core.protobuf import config_pb2

    make = getattr(session, "_make_callable_from_options", None)
    if make is None:
        return None
    options = config_pb2.CallableOptions(feed=list(feed_names), fetch=list(fetch_names))
    if in_callers_thread:
        options.run_options.inter_op_thread_pool = _CALLERS_THREAD
    run = make(options)

    def call(feeds: Sequence[Array]) -> list[Array]:
        fetched: list[Array] = run(*feeds)
        return fetched

    return call


def _session_run(session: Any, feed_names: Sequence[str], fetch_names: Sequence[str]) -> SessionCall:
    def call(feeds: Sequence[Array]) -> list[Array]:
        fetched: list[Array] = session.run(list(fetch_names), dict(zip(feed_names, feeds, strict=True)))
        return fetched

    return call
