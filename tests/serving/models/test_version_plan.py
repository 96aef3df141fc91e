from __future__ import annotations

import pytest

from serving.models.model_config import VersionPolicy
from serving.models.version_plan import Plan, plan_versions

LATEST, TWO, ALL = VersionPolicy(), VersionPolicy(latest=2), VersionPolicy.all_versions()


@pytest.mark.parametrize(
    ("policy", "found", "in_service", "loading", "waiting", "load", "retire"),
    [
        (LATEST, [1, 2], [], [], [], [2], []),
        (LATEST, [1, 2], [1], [2], [], [], []),  # 1 stays while 2 is loading
        (LATEST, [1, 2], [1, 2], [], [], [], [1]),
        (LATEST, [1, 2], [], [], [2], [1], []),  # 2 is broken: the newest that loads
        (LATEST, [1, 2], [1], [], [2], [], []),
        (LATEST, [1], [2], [], [], [1], []),  # roll back: 1 first
        (LATEST, [1], [1, 2], [], [], [], [2]),
        (LATEST, [1], [2], [], [1], [], []),  # but 1 is broken
        (LATEST, [], [2], [], [], [], []),
        (TWO, [1, 2, 3], [1, 2], [], [], [3], []),
        (TWO, [1, 2, 3], [1, 2, 3], [], [], [], [1]),
        (TWO, [1, 2, 3], [], [], [3], [2, 1], []),
        (ALL, [1, 2, 3], [2], [], [], [3, 1], []),
        (ALL, [2], [1, 2], [], [], [], [1]),
        (VersionPolicy.only([1]), [1, 2], [2], [], [], [1], []),
        (VersionPolicy.only([1]), [1, 2], [1, 2], [], [], [], [2]),
        (VersionPolicy.only([7]), [1, 2], [2], [], [], [], []),
    ],
)
def test_the_new_is_loaded_before_the_old_is_let_go(
    policy: VersionPolicy,
    found: list[int],
    in_service: list[int],
    loading: list[int],
    waiting: list[int],
    load: list[int],
    retire: list[int],
) -> None:
    assert plan_versions(policy, found, in_service, loading, waiting) == Plan(tuple(load), tuple(retire))
