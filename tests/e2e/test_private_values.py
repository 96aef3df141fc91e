"""Personal values and the key that hashes them stand in no artifact, log, report or message."""

from __future__ import annotations

import csv
import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from local_run import SMALL, Run, run_local

from adclick.privacy import KEY_VARIABLE, hashed
from components.example_gen.columns import read_columns

pytestmark = pytest.mark.e2e

KEY = "key-that-nobody-sees"
SECRETS = (b"SECRET", KEY.encode(), KEY.encode().hex().encode())
PRIVATE = ("user_id", "ad_id")  # hashed; user_age is dropped
OVERLAY = """
evaluation:
  slices: [[device], [ad_id], ['known:user_id'], [span]]
features:
  - {name: impression_id, kind: key, required: true}
  - {name: timestamp, kind: timestamp, required: true}
  - {name: user_id, kind: hashed, buckets: 500, required: true, pii: hash}
  - {name: user_age, kind: numeric, pii: drop}
  - {name: device, kind: categorical}
  - {name: user_ctr_30d, kind: numeric, transform: logit, minimum: 0, maximum: 1}
  - {name: ad_id, kind: categorical, pii: hash}
  - {name: image_path, kind: image}
  - {name: clicked, kind: label}
"""


def plant(source: Path, target: Path) -> None:
    """Every user, ad and age says SECRET; some rows are bad in every way that a report would quote."""
    with source.open(newline="", encoding="utf-8") as lines:
        header, *rows = csv.reader(lines)
    user, ad, age = (header.index(name) for name in ("user_id", "ad_id", "user_age"))
    label, rate = header.index("clicked"), header.index("user_ctr_30d")
    for row in rows:
        row[user], row[ad], row[age] = f"SECRET-{row[user]}", f"SECRET-{row[ad]}", f"SECRET-{row[age]}"
    rows[3][label] = ""
    rows[4][label] = "SECRET-label"
    rows[5][user] = ""
    rows[6][rate] = "7"
    rows[7].append("one cell too many")
    rows[8].pop()
    rows[9][user] = "SECRET-\udcff"  # no UTF-8 in the file
    rows[10][ad] = "SECRET-\udcff"
    rows[11][header.index("device")] = "\udcff"
    rows[12].append("\udcff SECRET")
    with target.open("w", newline="", encoding="utf-8", errors="surrogateescape") as lines:
        csv.writer(lines).writerows([header, *rows])


@pytest.fixture(scope="module")
def run(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    root = tmp_path_factory.mktemp("private")
    shutil.copytree(sample / "data", root / "data")
    plant(sample / "data" / "month-1" / "impressions.csv", root / "data" / "month-1" / "impressions.csv")
    overlay = root / "private.yaml"
    overlay.write_text(OVERLAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_VARIABLE, KEY)
        yield run_local(root / "data", root / "out", "--config", str(overlay), settings=SMALL)


def contents(file: Path) -> bytes:
    """A file's bytes, with what is compressed unpacked."""
    if file.suffix == ".gz":
        return gzip.decompress(file.read_bytes())
    if file.suffix == ".arrow":
        with pa.ipc.open_file(file) as reader:
            return str(reader.read_all().to_pydict()).encode()
    return file.read_bytes()


def test_no_file_and_no_message_holds_a_private_value_or_the_key(run: Run) -> None:
    # label empty, label wrong, user empty, rate out of range, two ragged, two not UTF-8 in a private column, one in
    # another, one ragged and not UTF-8: ten
    assert run.status in (0, 3), run.errors
    assert sum(run.summary["rows"]["rejected"].values()) == 10
    files = [file for file in run.output.rglob("*") if file.is_file() and not file.is_symlink()]
    assert len(files) > 50
    leaks = [str(file) for file in files if any(secret in contents(file) for secret in SECRETS[1:])]
    shown = [str(file) for file in files if b"SECRET-u" in contents(file) or b"SECRET-a" in contents(file)]
    assert (leaks, shown) == ([], [])
    named = [file for file in files if SECRETS[0] in contents(file)]
    # the wrong label, which is not private: where it was rejected, and as an example of it in the report
    assert {file.name for file in named} == {"rejects.csv", "summary.json", "index.html"}
    for secret in (b"SECRET-u", b"SECRET-a", *SECRETS[1:]):
        assert secret.decode() not in run.text + run.errors


def test_rejects_still_say_where_and_why(run: Run) -> None:
    (report,) = (run.output / "pipeline_root" / "AdExampleGen" / "ingest_report").iterdir()
    with (report / "rejects.csv").open(newline="", encoding="utf-8") as lines:
        rejects = {int(row["line"]): row for row in csv.DictReader(lines)}
    assert sorted(rejects) == [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]  # rows 3 to 12 below the header
    assert rejects[6]["value"] == "SECRET-label", "the label is not private"
    assert {rejects[line]["value"] for line in (9, 10, 11, 12, 14)} == {"(withheld: pii)"}


def test_values_are_kept_as_keyed_hashes(run: Run, sample: Path) -> None:
    with (sample / "data" / "month-1" / "impressions.csv").open(newline="", encoding="utf-8") as lines:
        row = next(csv.DictReader(lines))
    (columns,) = (run.output / "pipeline_root" / "AdExampleGen" / "columns").iterdir()
    batch = next(batch for batch in read_columns(str(columns), "train") if batch.num_rows)
    for name in PRIVATE:
        expected = hashed(name, f"SECRET-{row[name]}".encode(), KEY.encode())
        assert batch.column(name)[0].as_py() == [expected.encode()]
    assert "user_age" not in batch.schema.names


def test_without_the_key_the_run_does_not_begin(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    overlay = tmp_path / "private.yaml"
    overlay.write_text(OVERLAY)
    refused = run_local(sample / "data", tmp_path / "out", "--config", str(overlay), settings=SMALL)
    assert refused.status == 2
    assert f"feature 'user_id' has pii: hash, but the environment variable {KEY_VARIABLE} is not set" in refused.errors
