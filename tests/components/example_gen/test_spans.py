"""Which files a run reads, and what its fingerprint notices."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adclick.errors import DataError, SettingsError
from adclick.filesystem import is_folder
from components.example_gen.spans import UNMEANT_SUFFIXES, pattern_to_regex, select_input

PATTERN = "month-{SPAN}/*.csv*"


@pytest.fixture
def months(tmp_path: Path) -> Path:
    for name in ("month-1/a.csv", "month-2/b.csv", "month-2/a.csv.gz", "month-10/a.csv", "month-2/note.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(name)
    (tmp_path / "month-2" / "deep").mkdir()
    (tmp_path / "month-2" / "deep" / "c.csv").write_text("deeper")
    return tmp_path


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ("all", {1: ["month-1/a.csv"], 2: ["month-2/a.csv.gz", "month-2/b.csv"], 10: ["month-10/a.csv"]}),
        ("latest", {10: ["month-10/a.csv"]}),
        (2, {2: ["month-2/a.csv.gz", "month-2/b.csv"], 10: ["month-10/a.csv"]}),
        (99, {1: ["month-1/a.csv"], 2: ["month-2/a.csv.gz", "month-2/b.csv"], 10: ["month-10/a.csv"]}),
    ],
)
def test_spans_count_as_numbers(months: Path, spans: object, expected: dict[int, list[str]]) -> None:
    source = select_input(str(months), PATTERN, spans)  # type: ignore[arg-type]  # each case is one of its literals
    assert source.spans == tuple(expected)
    assert [file.path for file in source.files] == [path for paths in expected.values() for path in paths]
    assert all(Path(file.uri) == months / file.path for file in source.files)


def test_a_pattern_without_span_is_one_span(months: Path) -> None:
    source = select_input(str(months), "month-2/?.csv", "latest")
    assert source.spans == (0,)
    assert [file.path for file in source.files] == ["month-2/b.csv"]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("month-{SPAN}/*.csv", "month-7/x.csv", True),
        ("month-{SPAN}/*.csv", "month-x/x.csv", False),
        ("month-{SPAN}/*.csv", "month-7/deep/x.csv", False),
        ("month-{SPAN}/*.csv", "month-7/xcsv", False),
        ("{SPAN}/day-{SPAN}.csv", "3/day-3.csv", True),
        ("{SPAN}/day-{SPAN}.csv", "3/day-4.csv", False),
        ("a+b?.csv", "a+b1.csv", True),
        ("a+b?.csv", "aab1.csv", False),
        ("{YYYY}-{MM}/*.csv", "2026-11/x.csv", True),
        ("{YYYY}-{MM}/*.csv", "2026-13/x.csv", False),
        ("{YYYY}-{MM}/*.csv", "2026-1/x.csv", False),
        ("{YYYY}/{MM}/{YYYY}-{MM}-{DD}.csv", "2026/11/2026-11-30.csv", True),
        ("{YYYY}/{MM}/{YYYY}-{MM}-{DD}.csv", "2026/11/2026-12-30.csv", False),
        ("{YYYY}{MM}{DD}.csv", "20261132.csv", False),
        ("month-{SPAN}/*.csv*", "month-7/.x.csv.h4Wq2P", False),  # as rsync names what it is still writing
        ("*/?.csv", "month/..csv", False),
        ("*/x*.csv", ".month/x.csv", False),
        ("*/x*.csv", "month/x.1.csv", True),
        ("month/.*.csv", "month/.x.csv", True),
    ],
)
def test_a_pattern_matches_whole_paths(pattern: str, path: str, matches: bool) -> None:
    assert (pattern_to_regex(pattern).fullmatch(path) is not None) == matches


def test_one_byte_changes_the_fingerprint_and_a_new_time_does_not(months: Path) -> None:
    before = select_input(str(months), PATTERN, "all").fingerprint
    file = months / "month-10" / "a.csv"
    os.utime(file, (1, 1))
    assert select_input(str(months), PATTERN, "all").fingerprint == before
    content = file.read_text()
    file.write_text(content[:-1] + "x")
    assert select_input(str(months), PATTERN, "all").fingerprint != before
    file.write_text(content)
    assert select_input(str(months), PATTERN, "all").fingerprint == before
    file.rename(file.with_name("b.csv"))
    assert select_input(str(months), PATTERN, "all").fingerprint != before


def deliver(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def test_a_span_is_read_in_its_highest_version(tmp_path: Path) -> None:
    deliver(tmp_path, "1/v2/a.csv", "1/v10/a.csv", "1/v10/b.csv", "1/v9/c.csv", "2/v1/a.csv")
    source = select_input(str(tmp_path), "{SPAN}/v{VERSION}/*.csv", "all")
    assert [(file.path, file.span, file.version) for file in source.files] == [
        ("1/v10/a.csv", 1, 10),
        ("1/v10/b.csv", 1, 10),
        ("2/v1/a.csv", 2, 1),
    ]


def test_a_date_numbers_the_spans_readably(tmp_path: Path) -> None:
    deliver(tmp_path, "2025-12/a.csv", "2026-01/a.csv", "2026-02/a.csv")
    source = select_input(str(tmp_path), "{YYYY}-{MM}/*.csv", 2)
    assert source.spans == (202601, 202602)
    assert [file.span for file in source.files] == [202601, 202602]
    deliver(tmp_path, "days/20261130.csv", "days/20261201.csv")
    assert select_input(str(tmp_path), "days/{YYYY}{MM}{DD}.csv", "all").spans == (20261130, 20261201)


def test_a_span_that_is_delivered_again_is_noticed(tmp_path: Path) -> None:
    deliver(tmp_path, "1/v1/a.csv")
    seen = [select_input(str(tmp_path), "{SPAN}/v{VERSION}/*.csv", "all").fingerprint]
    for path in ("1/v1/b.csv", "1/v2/a.csv", "2/v1/a.csv"):  # another file, a new version, a new span
        deliver(tmp_path, path)
        seen.append(select_input(str(tmp_path), "{SPAN}/v{VERSION}/*.csv", "all").fingerprint)
    assert len(set(seen)) == 4
    deliver(tmp_path, "1/v1/c.csv")  # of a version that is not read
    assert select_input(str(tmp_path), "{SPAN}/v{VERSION}/*.csv", "all").fingerprint == seen[-1]


def test_a_file_outside_the_wanted_spans_does_not_count(months: Path) -> None:
    before = select_input(str(months), PATTERN, "latest").fingerprint
    (months / "month-1" / "a.csv").write_text("changed")
    assert select_input(str(months), PATTERN, "latest").fingerprint == before


def test_a_missing_folder_and_a_pattern_that_matches_nothing_are_told(months: Path) -> None:
    with pytest.raises(DataError) as raised:
        select_input(f"{months}/gone", PATTERN, "all")
    assert str(raised.value) == (
        f"{months}/gone: no such folder; give the folder with the month's files to --data-root or data.root"
    )
    with pytest.raises(DataError) as raised:
        select_input(str(months), "week-{SPAN}/*.csv", "all")
    assert str(raised.value) == (
        f"{months}: no file matches data.pattern 'week-{{SPAN}}/*.csv'; correct the pattern or deliver the files"
    )


def test_a_file_uri_reads_the_same_files(months: Path) -> None:
    local, uri = (select_input(root, PATTERN, "all") for root in (str(months), f"file://{months}"))
    assert local.fingerprint == uri.fingerprint
    assert [file.path for file in local.files] == [file.path for file in uri.files]


def test_a_protocol_that_nothing_opens_is_told() -> None:
    with pytest.raises(SettingsError, match="foo://bucket: cannot be opened: Protocol not known: foo; give a local"):
        is_folder("foo://bucket")


def test_a_file_beside_its_gzip_copy_is_not_read_twice(tmp_path: Path) -> None:
    deliver(tmp_path, "month-1/a.csv", "month-1/a.csv.gz", "month-2/a.csv.gz")
    with pytest.raises(DataError, match=r"month-1/a.csv lies beside month-1/a.csv.gz"):
        select_input(str(tmp_path), "month-{SPAN}/*.csv*", "all")
    assert select_input(str(tmp_path), "month-{SPAN}/*.csv*", "latest").spans == (2,)
    assert len(select_input(str(tmp_path), "month-{SPAN}/*.csv", "all").files) == 1


def test_a_span_that_is_written_in_two_ways_is_refused(months: Path) -> None:
    (months / "month-02").mkdir()
    (months / "month-02" / "z.csv").write_text("again")
    with pytest.raises(DataError) as raised:
        select_input(str(months), PATTERN, "all")
    assert str(raised.value) == (
        f"{months}: month-02/z.csv and month-2/a.csv.gz are both of span 2, which is written 02 and 2; "
        "rename one, or take away what was delivered twice"
    )


@pytest.mark.parametrize("suffix", UNMEANT_SUFFIXES)
def test_copies_under_way_and_backups_are_left_out(months: Path, suffix: str) -> None:
    before = select_input(str(months), PATTERN, "all").files
    (months / "month-10" / f"b.csv{suffix}").write_text("half")
    assert select_input(str(months), PATTERN, "all").files == before
