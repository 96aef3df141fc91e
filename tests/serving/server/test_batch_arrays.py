"""Rows put together and taken apart again, with the original's refusals."""

from __future__ import annotations

import numpy as np
import pytest

from serving.request_error import Code, RequestError
from serving.server.batch_arrays import batch_rows, merge, row_ranks, row_shapes, split


def refusal_of(call: object, *arguments: object) -> tuple[Code, str]:
    with pytest.raises(RequestError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code, caught.value.message


def test_every_input_needs_the_same_first_dimension() -> None:
    assert batch_rows({"a": np.zeros([3, 2]), "b": np.zeros([3])}) == 3
    assert batch_rows({"a": np.zeros([0])}) == 0
    assert refusal_of(batch_rows, {"a": np.zeros([3]), "b": np.zeros([2])}) == (
        Code.INVALID_ARGUMENT, "Batching Run() input tensors must have equal 0th-dimension size",
    )  # fmt: skip
    assert refusal_of(batch_rows, {"a": np.float32(1)}) == (
        Code.INVALID_ARGUMENT, "Batching Run() input tensors must have at least one dimension",
    )  # fmt: skip
    assert refusal_of(batch_rows, {})[1] == "Batching Run() must have at least one input tensor"


def test_merge_and_split_are_inverse() -> None:
    one = {"x": np.float32([[1, 2]]), "s": np.array([b"a"], dtype=object)}
    two = {"x": np.float32([[3, 4], [5, 6]]), "s": np.array([b"bb", b"c\0"], dtype=object)}
    merged = merge([one, two], rows=3, padded_rows=3)
    assert merged["x"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert merged["s"].tolist() == [b"a", b"bb", b"c\0"]  # trailing zero bytes stay
    parts = split(merged, [1, 2], 3)
    assert [part["s"].tolist() for part in parts] == [[b"a"], [b"bb", b"c\0"]]


def test_padding_repeats_a_real_row_and_is_cut_off_again() -> None:
    merged = merge([{"x": np.int64([7])}, {"x": np.int64([8, 9])}], rows=3, padded_rows=5)
    assert merged["x"].tolist() == [7, 8, 9, 8, 8]  # the last request's first row
    assert [part["x"].tolist() for part in split(merged, [1, 2], 5)] == [[7], [8, 9]]


def test_rows_of_different_shapes_are_padded_with_their_first_element() -> None:
    small, large = {"x": np.int64([[1, 2]])}, {"x": np.int64([[3, 4, 5]])}
    assert row_shapes(small) != row_shapes(large)
    assert row_ranks(small) == row_ranks(large)
    assert merge([small, large], 2, 2, pad_shapes=True)["x"].tolist() == [[1, 2, 1], [3, 4, 5]]


def test_outputs_without_a_row_for_each_input_row_are_refused() -> None:
    assert refusal_of(split, {"y": np.float32(1)}, [1], 1) == (
        Code.FAILED_PRECONDITION, "Batched output tensor has 0 dimensions",
    )  # fmt: skip
    code, message = refusal_of(split, {"y": np.zeros([2])}, [1, 2], 3)
    assert code is Code.FAILED_PRECONDITION
    assert message.startswith("Batched output tensor's 0th dimension does not equal the sum of the 0th dimension")
