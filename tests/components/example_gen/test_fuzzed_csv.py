"""Damaged CSV: rows read = accepted + rejected, right lines, and values as Python's csv and plain rules say.

The oracle below shares no code with the ingest: rows come from `csv.reader(strict=True)`, and each cell is judged by
itself with Python's own float, struct and datetime.
"""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import random
import re
import struct
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from csv_damage import COLUMNS, HEADER, MANGLE, sound_rows

from components.example_gen import csv_blocks, ingest
from components.example_gen.blocks import plan_blocks, read_cells
from components.example_gen.columns import split_folder
from components.example_gen.ingest import Targets, ingest_block, plan_ingest
from components.example_gen.reject_codes import RejectCode
from components.example_gen.rejects import MAX_VALUE_CHARACTERS
from components.example_gen.report import write_report
from components.example_gen.row_parsing import parse_rows
from components.example_gen.spans import SpanFile, select_input
from configs.features import FeatureTable
from configs.settings import Data, Split

TABLE = FeatureTable.model_validate(
    [
        {"name": "clicked", "kind": "label"},
        {"name": "id", "kind": "key", "required": True},
        {"name": "time", "kind": "timestamp"},
        {"name": "age", "kind": "numeric", "minimum": 0, "maximum": 130},
        {"name": "bid", "kind": "bucketized"},
        {"name": "note", "kind": "text"},
        {"name": "image", "kind": "image"},
        {"name": "weight", "kind": "weight"},
    ]
)
WRITTEN = [feature.name for feature in TABLE]
Outcome = tuple[list[tuple[int, dict[str, Any]]], list[tuple[int, str, str, str]]]
MAX_LINES_IN_QUOTES = 1000
NUL_STAND_IN = "\u0100"  # csv.reader of Python 3.10 refuses NUL; every byte is below this one in Latin-1
csv.field_size_limit(1 << 26)


def oracle(data: bytes) -> Outcome:
    """Accepted rows as (line, values) and rejected ones as (line, column, value, code), in file order."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1").replace("\0", NUL_STAND_IN)
    lines = io.StringIO(text, newline="").readlines()
    accepted, rejected, at = [], [], 0
    header = True
    while at < len(lines):
        line, cells = at + 1, None
        reader = csv.reader(lines[at:], strict=True)
        try:
            cells = next(reader)
            if any(len(io.StringIO(one, newline="").readlines()) > MAX_LINES_IN_QUOTES for one in cells):
                cells = None
        except csv.Error:
            pass
        taken = reader.line_num if cells is not None else 1
        row = "".join(lines[at : at + taken])
        at += taken
        if header or not row.strip("\r\n"):
            header = False
            continue
        if cells is None:
            rejected.append((line, "", as_told(as_bytes(row.rstrip("\r\n"))), "bad_quotes"))
        elif len(cells) != len(COLUMNS):
            rejected.append((line, "", as_told(as_bytes(row.rstrip("\r\n"))), "ragged_row"))
        else:
            named = {name: as_bytes(one) for name, one in zip(COLUMNS, cells, strict=True) if name in WRITTEN}
            values, fault = judge(named)
            if fault is None:
                accepted.append((line, values))
            else:
                code, column = fault
                rejected.append((line, column, as_told(named[column]) if column else "", code))
    return accepted, rejected


def as_bytes(text: str) -> bytes:
    return text.replace(NUL_STAND_IN, "\0").encode("latin-1")


def as_told(value: bytes) -> str:
    text = value.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return text if len(text) <= MAX_VALUE_CHARACTERS else text[:MAX_VALUE_CHARACTERS] + "…"


def judge(cells: dict[str, bytes]) -> tuple[dict[str, Any], tuple[str, str] | None]:
    """Typed values, and the code and column of the first fault."""
    for name in WRITTEN:
        try:
            cells[name].decode("utf-8")
        except UnicodeDecodeError:
            return {}, ("not_utf8", name)
    texts = {name: cells[name].decode("utf-8") for name in WRITTEN}
    for name in WRITTEN:
        if "\0" in texts[name]:
            return {}, ("nul_byte", name)
    if all(text.lstrip("\ufeff").strip() == name for name, text in texts.items()):
        return {}, ("repeated_header", "")
    values: dict[str, Any] = {name: text or None for name, text in texts.items()}
    if not texts["clicked"]:
        return {}, ("missing_label", "clicked")
    if number(texts["clicked"]) not in (0.0, 1.0):
        return {}, ("bad_label", "clicked")
    values["clicked"] = int(number(texts["clicked"]) or 0)
    if not texts["id"]:
        return {}, ("missing_required", "id")
    for name in ("age", "bid", "weight"):
        if texts[name]:
            try:
                values[name] = struct.unpack("<f", struct.pack("<f", number(texts[name])))[0]
            except (struct.error, OverflowError):
                return {}, ("bad_number", name)
    if values["age"] is not None and not 0 <= values["age"] <= 130:
        return {}, ("out_of_range", "age")
    if values["weight"] is not None and values["weight"] < 0:
        return {}, ("out_of_range", "weight")
    if texts["time"]:
        values["time"] = second(texts["time"])
        if values["time"] is None:
            return {}, ("bad_timestamp", "time")
    path = texts["image"]
    if path.startswith("/") or "\\" in path or ".." in path.split("/") or path.partition(":")[0] in ("http", "C"):
        return {}, ("unsafe_image_path", "image")
    return values, None


def number(text: str) -> float | None:
    plain = text.strip(" \t\n\r\f")
    if not plain or set(plain) - set("0123456789+-.eE"):
        return None
    try:
        value = float(plain)
    except ValueError:
        return None
    return value if abs(value) != float("inf") else None


def second(text: str) -> int | None:
    plain = text.strip()
    try:
        if len(plain) == 10:
            plain += " 00:00"
        day, mark, rest = datetime.date.fromisoformat(plain[:10]), plain[10:11], plain[11:]
        rest = re.sub(r"(Z|z|UTC)$", "+00:00", rest)
        clock, sign, offset = re.fullmatch(r"([^+-]*)([+-]?)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
        clock = re.sub(r"[.,][0-9]+$", "", clock.rstrip())
        if (
            mark not in ("T", " ")
            or len(clock) not in (5, 8)
            or (sign and not re.fullmatch("[0-9]{2}:?[0-9]{2}", offset))
        ):
            return None
        hours, minutes = (int(offset[:2]), int(offset[-2:])) if sign else (0, 0)
        if hours > 23 or minutes > 59:
            return None
        moment = datetime.datetime.combine(day, datetime.time.fromisoformat(clock))
    except ValueError:
        return None
    past = moment - datetime.datetime(1970, 1, 1)
    shift = (hours * 60 + minutes) * 60 * (-1 if sign == "-" else 1)
    return past.days * 86_400 + past.seconds - shift


def ingested(folder: Path, data: bytes, rng: random.Random, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """The same by planning and parsing blocks of a random size, plain or compressed."""
    block_bytes = max(rng.choice([1, 30, 100, 300, 1 << 20]), len(data) // 200)  # cutting byte by byte is quadratic
    monkeypatch.setattr(csv_blocks, "HEADER_CHUNK_BYTES", rng.choice([1, 50, 1 << 16]))
    name = rng.choice(["f.csv", "f.csv", "f.csv.gz"])
    (folder / name).write_bytes(gzip.compress(data, 1) if name.endswith(".gz") else data)
    accepted, rejected, read = [], [], 0
    for block in plan_blocks([SpanFile(name, str(folder / name))], TABLE, ",", block_bytes):
        for cells in read_cells(block, WRITTEN, ",", block_bytes):
            rows = parse_rows(cells, TABLE)
            columns = [rows.columns[name].to_pylist() for name in WRITTEN]
            values = [dict(zip(WRITTEN, row, strict=True)) for row in zip(*columns, strict=True)]
            accepted.extend(zip(rows.lines.tolist(), values, strict=True))
            rejected.extend((one.line, one.column, one.value, one.code.value) for one in rows.rejects)
            assert rows.read == len(rows.lines) + len(rows.rejects)
            read += rows.read
    assert read == len(accepted) + len(rejected)
    return accepted, rejected


def damaged(kinds: list[str], rng: random.Random) -> bytes:
    lines = sound_rows(rng.randint(1, 8), rng)
    for kind in kinds:
        lines = MANGLE[kind](lines, rng)
    start = rng.choice([b"", b"", b"\xef\xbb\xbf"])
    end = rng.choice([b"\n", b"\r\n", b"\r"]) if lines[0][:1] != b"\n" else b"\n"
    return start + rng.choice([HEADER, HEADER, b'"id"' + HEADER[2:]]) + end + b"".join(lines)


def test_there_are_at_least_thirty_kinds_of_damage() -> None:
    assert len(MANGLE) >= 30


@pytest.mark.parametrize("kind", MANGLE)
def test_one_kind_of_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    rng = random.Random(kind)
    for _ in range(3):
        data = damaged([kind], rng)
        assert ingested(tmp_path, data, rng, monkeypatch) == oracle(data), data[:5000]


@pytest.mark.parametrize("seed", range(10))
def test_mixtures_of_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(15):
        data = damaged(rng.choices(list(MANGLE), k=rng.randint(2, 8)), rng)
        assert ingested(tmp_path, data, rng, monkeypatch) == oracle(data), data[:5000]


def test_each_code_but_none_other_comes_up() -> None:
    rng = random.Random(3)
    codes = {code for kind in MANGLE for _ in range(6) for *_, code in oracle(damaged([kind], rng))[1]}
    of_counts = {RejectCode.BAD_IMPRESSIONS, RejectCode.TOO_MANY_CLICKS}  # of another table: test_row_parsing.py
    assert codes == {code.value for code in set(RejectCode) - of_counts}


@pytest.mark.parametrize("seed", range(3))
def test_the_files_that_are_written_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = random.Random(f"files {seed}")
    kinds = [kind for kind in MANGLE if kind != "very long cell"]
    data = b"".join([HEADER, b"\n", *(damaged([kind], rng).partition(HEADER[2:])[2][1:] for kind in kinds)])
    (tmp_path / "f.csv").write_bytes(data)
    monkeypatch.setattr(ingest, "BLOCK_BYTES", 5_000)
    monkeypatch.setattr(csv_blocks, "HEADER_CHUNK_BYTES", 100)
    accepted, rejected = oracle(data)
    settings = Data(root=str(tmp_path), pattern="f.csv", split=Split(by="hash", column="id", eval_share=0.5))
    source = select_input(settings.root, settings.pattern, "all")
    plan = plan_ingest(source, settings, TABLE)
    folders = {split: str(tmp_path / split) for split in ("train", "eval")}
    columns = {split: split_folder(str(tmp_path / "columns"), split) for split in folders}
    for folder in (*folders.values(), *columns.values()):
        Path(folder).mkdir(parents=True)
    results = [
        ingest_block(number, block, plan.rule, settings, TABLE, Targets(folders, columns, f"{tmp_path}/part-{number}"))
        for number, block in enumerate(plan.blocks)
    ]
    assert len(results) > 2
    counts = write_report(results, source, None, [], str(tmp_path))
    assert counts["rows"]["written"] == len(accepted)
    assert sum(counts["rows"]["rejected"].values()) == len(rejected)
    assert counts["rows"]["read"] == len(accepted) + len(rejected)
    with (tmp_path / "rejects.csv").open(newline="", encoding="utf-8") as stream:
        told = [(int(r["line"]), r["column"], r["value"], r["reason"]) for r in csv.DictReader(stream)]
    assert told == rejected
    written = [example for folder in folders.values() for example in examples(Path(folder))]
    assert sorted(map(repr, written)) == sorted(repr(values) for _, values in accepted)


def examples(folder: Path) -> list[dict[str, Any]]:
    files = sorted(str(file) for file in folder.iterdir())
    found = []
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        values: dict[str, Any] = {}
        for name in WRITTEN:
            kind = features[name].WhichOneof("kind")
            held = list(getattr(features[name], kind).value) if kind else []
            values[name] = (held[0].decode() if kind == "bytes_list" else held[0]) if held else None
        found.append(values)
    return found
