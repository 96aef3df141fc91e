from __future__ import annotations

import pytest

from serving.clients.request_plan import plan_requests

NUMBER_BYTES = 12


@pytest.mark.parametrize(
    ("sizes", "max_rows", "max_bytes", "expected"),
    [
        ([1] * 5, 2, 1000, [(0, 2), (2, 4), (4, 5)]),
        ([1] * 4, 2, 1000, [(0, 2), (2, 4)]),
        # each row 10 + 12 bytes, two of them 44
        ([10] * 4, 99, 44, [(0, 2), (2, 4)]),
        ([10] * 4, 99, 43, [(0, 1), (1, 2), (2, 3), (3, 4)]),
        ([1, 500, 1, 1], 99, 100, [(0, 1), (1, 2), (2, 4)]),  # the large row goes alone
        ([500], 99, 100, [(0, 1)]),
    ],
)
def test_rows_and_bytes_bound_a_request(
    sizes: list[int], max_rows: int, max_bytes: int, expected: list[tuple[int, int]]
) -> None:
    columns = {"bid": [0.5] * len(sizes), "image": [b"x" * size for size in sizes]}
    assert [(part.start, part.stop) for part in plan_requests(columns, max_rows, max_bytes)] == expected
