"""When workers are worth their start, and how many a machine can bear."""

from __future__ import annotations

import gzip
from pathlib import Path

import joblib
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.example_gen import worker_count as rules
from components.example_gen.blocks import Block
from components.example_gen.csv_blocks import CsvBlock
from components.example_gen.parquet_blocks import ParquetBlock
from components.example_gen.spans import SpanFile
from components.example_gen.worker_count import free_memory_bytes, planned_bytes, worker_count

GIB = 1 << 30


def planned(count: int, total_bytes: int) -> list[Block]:
    """`count` blocks of one file of `total_bytes`."""
    size = total_bytes // count
    return [CsvBlock(SpanFile("m.csv", "m.csv"), ("id",), i * size, (i + 1) * size, 2) for i in range(count)]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Four cores, 64 GiB."""
    monkeypatch.setattr(joblib, "cpu_count", lambda: 4)
    monkeypatch.setattr(rules, "free_memory_bytes", lambda: 64 * GIB)
    return monkeypatch


@pytest.mark.parametrize(
    ("blocks", "total_bytes", "expected"),
    [
        (8, rules.MIN_BYTES - 8, 1),
        (8, rules.MIN_BYTES, 4),
        (3, rules.MIN_BYTES * 3, 3),
        (1, rules.MIN_BYTES, 1),
    ],
)
def test_large_inputs_get_a_worker_for_each_core_but_no_more_than_blocks(
    machine: pytest.MonkeyPatch, blocks: int, total_bytes: int, expected: int
) -> None:
    assert worker_count(planned(blocks, total_bytes)) == expected


@pytest.mark.parametrize(("cores", "expected"), [(1, 1), (2, 2), (64, rules.MAX_WORKERS)])
def test_one_core_gets_no_workers_and_many_a_bounded_number(
    machine: pytest.MonkeyPatch, cores: int, expected: int
) -> None:
    machine.setattr(joblib, "cpu_count", lambda: cores)
    assert worker_count(planned(100, GIB)) == expected


@pytest.mark.parametrize(("workers_worth", "expected"), [(0.5, 1), (1.5, 1), (2.5, 2), (9, 4)])
def test_memory_bounds_the_number(machine: pytest.MonkeyPatch, workers_worth: float, expected: int) -> None:
    machine.setattr(rules, "free_memory_bytes", lambda: int(workers_worth * rules.WORKER_BYTES))
    assert worker_count(planned(100, GIB)) == expected


def test_the_cores_can_be_limited_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert worker_count(planned(100, GIB)) == 1


def test_compressed_files_and_parquet_count_once_as_stored(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "m.csv.gz", "wb") as stream:
        stream.write(b"id\na\n")
    pq.write_table(pa.table({"id": ["a", "b"]}), tmp_path / "m.parquet", row_group_size=1)
    compressed = SpanFile("m.csv.gz", str(tmp_path / "m.csv.gz"))
    parquet = SpanFile("m.parquet", str(tmp_path / "m.parquet"))
    blocks = [
        CsvBlock(SpanFile("m.csv", "m.csv"), ("id",), 10, 110, 2),
        CsvBlock(compressed, ("id",), 0, -1, 2),
        ParquetBlock(parquet, ("id",), 0, 1),
        ParquetBlock(parquet, ("id",), 1, 2),
    ]
    stored = (tmp_path / "m.csv.gz").stat().st_size + (tmp_path / "m.parquet").stat().st_size
    assert planned_bytes(blocks) == 100 + stored


@pytest.mark.parametrize("content", ["max\n", None])
def test_without_a_limit_the_machine_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    limit = tmp_path / "memory.max"
    if content:
        limit.write_text(content)
    monkeypatch.setattr(rules, "CGROUP_LIMITS", (limit,))
    assert free_memory_bytes() == pytest.approx(psutil.virtual_memory().available, rel=0.1)


def test_a_container_leaves_its_limit_less_what_this_process_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = psutil.Process().memory_info().rss
    (tmp_path / "memory.max").write_text(f"{own + (100 << 20)}\n")
    monkeypatch.setattr(rules, "CGROUP_LIMITS", (tmp_path / "memory.max",))
    assert free_memory_bytes() == pytest.approx(100 << 20, rel=0.1)
    (tmp_path / "memory.max").write_text("1000\n")
    assert free_memory_bytes() == 0
