"""Reading cells leaves the process as it was."""

from __future__ import annotations

import gc

import pytest

from components.example_gen.csv_blocks import Piece
from components.example_gen.csv_cells import read_csv_cells


@pytest.mark.parametrize("frozen_before", [False, True])
def test_what_was_frozen_for_good_stays_frozen_and_nothing_else_does(frozen_before: bool) -> None:
    gc.unfreeze()
    try:
        if frozen_before:
            gc.freeze()
        cells = read_csv_cells(Piece(b"a,1\nb,2\n", 2), ["name", "clicked"], ["name"], ",")
        assert cells.columns["name"].to_pylist() == [b"a", b"b"]
        # not their number: frozen objects that nobody needs any longer go away at any time
        assert (gc.get_freeze_count() > 0) == frozen_before
    finally:
        gc.unfreeze()
