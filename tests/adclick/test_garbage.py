"""The collector pauses for imports and no longer."""

from __future__ import annotations

import gc

import pytest

from adclick.garbage import no_collection


def test_the_collector_pauses_and_forgets_what_came() -> None:
    assert gc.isenabled()
    before = gc.get_freeze_count()
    try:
        with no_collection():
            assert not gc.isenabled()
            kept = [[] for _ in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() - before >= len(kept)
    finally:
        gc.unfreeze()


def test_a_failed_import_leaves_the_collector_as_it_was() -> None:
    try:
        with pytest.raises(ImportError), no_collection():
            raise ImportError("broken")
        assert gc.isenabled()
    finally:
        gc.unfreeze()
