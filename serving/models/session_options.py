"""How TensorFlow runs a model's graphs: threads and executor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SessionOptions:
    """Flags `--tensorflow_{intra_op,inter_op,session}_parallelism`, and how a run uses threads.

    A parallelism of 0 leaves the number of threads to TensorFlow (one for each core). TensorFlow makes its pools
    once for a process, with the sizes that the first session asks for.
    """

    intra_op_parallelism: int = 0
    inter_op_parallelism: int = 0
    in_callers_thread: bool = True
    """Run a graph in the thread that asks, without a pool in between: for graphs of small operations."""
    tags: frozenset[str] = frozenset({"serve"})
    """Of the meta graph to load: `--saved_model_tags`."""
    single_threaded_executor: bool = True
    """Use the executor without locks and queues where a model's graph allows it; others get the default one."""

    @classmethod
    def from_flags(
        cls, session: int = 0, intra_op: int = 0, inter_op: int = 0, together: bool = False
    ) -> SessionOptions:
        """Options from the three flags; `session` sets both pools.

        Where requests run `together` and no flag says how many threads share an operation, one does. Runs of a few
        hundred rows go side by side, and to share a table of their size among threads takes longer than to fill it:
        each waits for the other's processor, which a client or another run may have.

        Source: tensorflow_serving/model_servers/server.cc, Server::BuildAndStart.

        Raises:
            ValueError: where all three are set.
        """
        if session > 0 and intra_op > 0 and inter_op > 0:
            raise ValueError(
                "Either configure --tensorflow_session_parallelism or (--tensorflow_intra_op_parallelism, "
                "--tensorflow_inter_op_parallelism) separately. You cannot configure all."
            )
        if not intra_op and not inter_op:
            intra_op = inter_op = session
        return cls(intra_op_parallelism=intra_op or int(together), inter_op_parallelism=inter_op)

    def config_proto(self, single_threaded: bool) -> Any:
        """tensorflow.ConfigProto of a session, with the default or the single-threaded executor."""
        from tensorflow.core.protobuf import config_pb2

        config = config_pb2.ConfigProto(
            allow_soft_placement=True,
            intra_op_parallelism_threads=self.intra_op_parallelism,
            inter_op_parallelism_threads=self.inter_op_parallelism,
        )
        if single_threaded:
            config.experimental.executor_type = "SINGLE_THREADED_EXECUTOR"
        return config
