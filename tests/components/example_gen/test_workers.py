"""Blocks in several processes: the same output, the same errors, and no process left behind."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import tensorflow as tf

from adclick.errors import AdclickError, DataError
from components.example_gen import ingest, workers
from components.example_gen.block_work import BlockWork
from components.example_gen.blocks import Block
from components.example_gen.columns import split_folder
from components.example_gen.report import BlockResult
from components.example_gen.spans import select_input
from components.example_gen.workers import ingest_in_workers
from configs.features import FeatureTable
from configs.settings import Data

TABLE = FeatureTable.model_validate(
    [
        {"name": "id", "kind": "key"},
        {"name": "time", "kind": "timestamp", "format": "unix_s"},
        {"name": "clicked", "kind": "label"},
    ]
)
HEADER = "id,time,clicked\n"
ROWS = 2_000


@pytest.fixture
def month(tmp_path: Path) -> Path:
    """Two thousand rows, every hundredth with a bad label: 20 rejects."""
    folder = tmp_path / "data" / "month-1"
    folder.mkdir(parents=True)
    rows = (f"user-{i},{i},{'maybe' if i % 100 == 0 else i % 2}\n" for i in range(ROWS))
    (folder / "m.csv").write_text(HEADER + "".join(rows))
    return tmp_path / "data"


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BLOCK_BYTES", 4_000)
    monkeypatch.setattr("components.example_gen.csv_blocks.HEADER_CHUNK_BYTES", 100)


def prepare(root: Path, output: Path) -> tuple[BlockWork, list[Block]]:
    data = Data()
    plan = ingest.plan_ingest(select_input(str(root), data.pattern, data.spans), data, TABLE)
    examples = {split: str(output / "examples" / split) for split in ("train", "eval")}
    columns = {split: split_folder(str(output / "columns"), split) for split in examples}
    for uri in (*examples.values(), *columns.values()):
        Path(uri).mkdir(parents=True)
    return BlockWork(plan.rule, data, TABLE.model_dump_json(), examples, columns, str(output / "part")), plan.blocks


def contents(folder: Path, pattern: str) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob(pattern)}


def examples(folder: Path) -> dict[str, list[tf.train.Example]]:
    """Messages, since the encoder writes a map's entries in any order."""
    files = {str(file.relative_to(folder)): str(file) for file in folder.rglob("*.gz")}
    return {
        name: [
            tf.train.Example.FromString(record)
            for record in tf.data.TFRecordDataset(file, compression_type="GZIP").as_numpy_iterator()
        ]
        for name, file in files.items()
    }


def no_trace(results: list[BlockResult]) -> list[BlockResult]:
    return [result._replace(rejects_uri=Path(result.rejects_uri).name) for result in results]


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "components.example_gen.worker" in child.cmdline()]


def test_workers_write_what_one_process_writes(tmp_path: Path, month: Path, small_blocks: None) -> None:
    one, several = tmp_path / "one", tmp_path / "several"
    work, blocks = prepare(month, one)
    expected = [work.ingest(index, block) for index, block in enumerate(blocks)]
    results = ingest_in_workers(*prepare(month, several), workers=3)
    assert len(blocks) > 6
    assert no_trace(results) == no_trace(expected)
    assert sum(sum(result.written.values()) for result in results) == ROWS - 20
    for pattern in ("*.arrow", "part-*-rejects.csv"):
        assert contents(several, pattern) == contents(one, pattern) != {}
    assert examples(several) == examples(one) != {}
    assert children() == []


def test_an_error_of_a_worker_arrives_as_it_is(tmp_path: Path, month: Path) -> None:
    """The file is cut after it was planned, as a delivery that is still being copied."""
    (month / "month-1" / "m.csv").rename(month / "month-1" / "a.csv")
    compressed = gzip.compress((month / "month-1" / "a.csv").read_bytes())
    (month / "month-1" / "b.csv.gz").write_bytes(compressed)
    work, blocks = prepare(month, tmp_path / "out")
    (month / "month-1" / "b.csv.gz").write_bytes(compressed[: len(compressed) // 2])
    with pytest.raises(DataError) as here:
        work.ingest(1, blocks[1])
    with pytest.raises(DataError) as there:
        ingest_in_workers(work, blocks, workers=2)
    assert type(there.value) is DataError
    assert str(there.value) == str(here.value)
    assert vars(there.value) == vars(here.value)
    assert "in ingest_block" in str(there.value.__cause__)
    assert children() == []


def started(monkeypatch: pytest.MonkeyPatch, then: Callable[[int], object]) -> None:
    """Calls `then` with the process id of the second of two workers, a second after its start."""
    pids: list[int] = []
    start = workers._Worker.__init__

    def noting(self: workers._Worker) -> None:
        start(self)
        pids.append(self.process.pid)
        if len(pids) == 2:
            threading.Thread(target=lambda: (time.sleep(1), then(pids[1])), daemon=True).start()

    monkeypatch.setattr(workers._Worker, "__init__", noting)


def endless(month: Path, tmp_path: Path) -> tuple[BlockWork, list[Block]]:
    """Two blocks, the second of a pipe that nobody writes to."""
    (month / "month-1" / "n.csv").write_text(HEADER + "a,1,0\nb,2,1\n")
    work, blocks = prepare(month, tmp_path / "out")
    (month / "month-1" / "n.csv").unlink()
    os.mkfifo(month / "month-1" / "n.csv")
    return work, blocks


def test_a_killed_worker_is_told_with_file_and_lines(
    tmp_path: Path, month: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, blocks = endless(month, tmp_path)
    started(monkeypatch, lambda pid: os.kill(pid, signal.SIGKILL))
    begin = time.monotonic()
    with pytest.raises(AdclickError) as raised:
        ingest_in_workers(work, blocks, workers=2)
    assert time.monotonic() - begin < 10
    assert str(raised.value).startswith(
        f"{month}/month-1/n.csv: lines 2 to the last: the worker that read them ended with signal SIGKILL, "
        "most likely for want of memory"
    )
    assert children() == []


def test_a_block_is_told_up_to_the_next_one(month: Path, tmp_path: Path, small_blocks: None) -> None:
    _, blocks = prepare(month, tmp_path / "out")
    told = [workers._told(blocks, index) for index in range(len(blocks))]
    assert told[0] == f"{month}/month-1/m.csv: lines 2 to {blocks[1].first_line - 1}"
    assert told[-1] == f"{month}/month-1/m.csv: lines {blocks[-1].first_line} to the last"


def test_ctrl_c_leaves_no_worker(tmp_path: Path, month: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, blocks = endless(month, tmp_path)
    started(monkeypatch, lambda _pid: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            ingest_in_workers(work, blocks, workers=2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert children() == []


def test_a_worker_ends_with_its_parent_even_a_killed_one(tmp_path: Path) -> None:
    """The parent starts a worker, tells its process id and kills itself."""
    program = (
        "import os\nfrom components.example_gen.workers import _Worker\n"
        "print(_Worker().process.pid, flush=True)\nos.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while psutil.pid_exists(int(done.stdout)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(done.stdout))


def test_a_worker_imports_neither_tensorflow_nor_beam() -> None:
    program = (
        "import sys\nfrom components.example_gen import block_work, example_writing\n"
        "print(sorted({'tensorflow', 'apache_beam', 'tfx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
