"""What a training is held to before it starts."""

from __future__ import annotations

from threadpoolctl import threadpool_info, threadpool_limits

from configs.settings import Trainer
from trainer.plain_effects import fit_weights
from trainer.training_inputs import make_deterministic


def test_blas_sums_on_one_thread() -> None:
    """How many threads a sum is split over moves its last bits, and a fit makes 1e-5 of them."""
    assert fit_weights.__module__  # SciPy's own BLAS is loaded with it, beside NumPy's
    with threadpool_limits(2, user_api="blas"):
        make_deterministic(Trainer())
        pools = [(pool["filepath"], pool["num_threads"]) for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert len(pools) >= 2
    assert {threads for _, threads in pools} == {1}
