"""Whole samples, small ones."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from simulator.population import Size
from simulator.simulation import Summary, simulate
from simulator.truth import auc
from simulator.vocabulary import (
    ADVERTISER_CATEGORIES,
    ATTRIBUTES,
    COLUMNS,
    COUNTRIES,
    DEVICES,
    POSITIONS,
    SEGMENTS,
    SITE_CATEGORIES,
)

SIZE = Size(impressions=3_001, creatives=40, months=3, users=200, seed=7)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    output = tmp_path_factory.mktemp("sample")
    return output, simulate(SIZE, output)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_arguments_give_the_same_bytes(sample: tuple[Path, Summary], tmp_path: Path) -> None:
    simulate(SIZE, tmp_path)
    again, first = contents(tmp_path), contents(sample[0])
    assert again.keys() == first.keys()
    assert [path for path in first if first[path] != again[path]] == []


def test_another_seed_gives_another_sample(sample: tuple[Path, Summary], tmp_path: Path) -> None:
    simulate(Size(3_001, 40, 3, 200, seed=8), tmp_path)
    for path in ("data/month-1/impressions.csv", "truth/month-3.csv", "truth/creatives.csv"):
        assert (tmp_path / path).read_bytes() != (sample[0] / path).read_bytes()


def test_the_manifest_lists_exactly_the_files(sample: tuple[Path, Summary]) -> None:
    output, _ = sample
    assert set((output / "truth" / "files.txt").read_text().splitlines()) == set(contents(output))


def test_rows_are_split_sorted_unique_and_in_their_month(sample: tuple[Path, Summary]) -> None:
    output, summary = sample
    rows = [read(output / "data" / f"month-{month}" / "impressions.csv") for month in (1, 2, 3)]
    assert [len(month) for month in rows] == [1_001, 1_000, 1_000]
    for number, month in enumerate(rows, start=1):
        stamps = [row["timestamp"] for row in month]
        assert stamps == sorted(stamps)
        assert {stamp[:8] for stamp in stamps} == {f"2026-0{number}-"}
        assert all(len(stamp) == 20 and stamp[10] == "T" and stamp[-1] == "Z" for stamp in stamps)
    everything = [row for month in rows for row in month]
    assert len({row["impression_id"] for row in everything}) == summary.impressions == 3_001
    assert sum(row["clicked"] == "1" for row in everything) == summary.clicks
    assert summary.click_through_rate == summary.clicks / 3_001


def test_cells_hold_what_their_column_promises(sample: tuple[Path, Summary]) -> None:
    output, _ = sample
    with (output / "data" / "month-1" / "impressions.csv").open() as stream:
        assert stream.readline().rstrip("\n").split(",") == list(COLUMNS)
    rows = read(output / "data" / "month-1" / "impressions.csv")
    for column, words in (
        ("user_segment", (*SEGMENTS, "")),
        ("country", COUNTRIES),
        ("device", DEVICES),
        ("site_category", tuple(SITE_CATEGORIES)),
        ("position", POSITIONS),
        ("advertiser_category", ADVERTISER_CATEGORIES),
        ("clicked", ("0", "1")),
    ):
        assert {row[column] for row in rows} <= set(words), column
    assert {"arts, culture"} <= {row["site_category"] for row in rows}  # quoted, and read back whole
    for row in rows:
        assert row["user_age"] == "" or 18 <= int(row["user_age"]) <= 90
        assert row["user_ctr_30d"] == "" or 0 < float(row["user_ctr_30d"]) < 1
        assert row["site_ctr_30d"] == "" or 0 < float(row["site_ctr_30d"]) < 1
        assert float(row["bid_price"]) > 0
        assert row["image_path"] == "" or (output / "data" / row["image_path"]).is_file()
    for column in ("user_id", "site_id", "ad_id", "campaign_id"):
        assert all(row[column] for row in rows)


def test_truth_matches_the_impressions_and_the_summary(sample: tuple[Path, Summary]) -> None:
    output, summary = sample
    labels, probabilities = [], []
    for month in (1, 2, 3):
        rows = read(output / "data" / f"month-{month}" / "impressions.csv")
        truth = read(output / "truth" / f"month-{month}.csv")
        assert list(truth[0]) == ["impression_id", "click_probability", "click_probability_columns_only"]
        assert [row["impression_id"] for row in truth] == [row["impression_id"] for row in rows]
        for row, known in zip(rows, truth, strict=True):
            if row["image_path"] == "":
                assert known["click_probability"] == known["click_probability_columns_only"]
        labels += [int(row["clicked"]) for row in rows]
        probabilities += [float(row["click_probability"]) for row in truth]
    assert summary.bayes_auc == pytest.approx(auc(labels, probabilities), abs=1e-5)
    # calibrated labels: 3001 of them around their mean probability, standard error about 0.005
    assert sum(labels) / 3_001 == pytest.approx(sum(probabilities) / 3_001, abs=0.02)


def test_every_creative_is_drawn_and_described(sample: tuple[Path, Summary]) -> None:
    output, _ = sample
    creatives = read(output / "truth" / "creatives.csv")
    assert len(creatives) == 40
    assert {path.name for path in (output / "data" / "images").iterdir()} == {
        creative["image_path"].removeprefix("images/") for creative in creatives
    }
    assert {creative["launch_month"] for creative in creatives} == {"1", "2", "3"}
    for creative in creatives:
        with Image.open(output / "data" / creative["image_path"]) as image:
            assert image.size == (int(creative["width_px"]), int(creative["height_px"]))
        assert all(0 <= float(creative[attribute]) <= 1 for attribute in ATTRIBUTES)
    first = {row["image_path"] for row in read(output / "data" / "month-1" / "impressions.csv")} - {""}
    launched = {creative["image_path"] for creative in creatives if creative["launch_month"] == "1"}
    assert first <= launched


def test_truth_lies_apart_from_the_data(sample: tuple[Path, Summary]) -> None:
    output, _ = sample
    assert {path.suffix for path in (output / "data").rglob("*") if path.is_file()} == {
        ".csv",
        ".png",
        ".jpg",
    }
    for month in (1, 2, 3):
        assert b"probability" not in (output / "data" / f"month-{month}" / "impressions.csv").read_bytes()


def test_about_says_how_it_came_to_be(sample: tuple[Path, Summary]) -> None:
    output, summary = sample
    about = json.loads((output / "truth" / "about.json").read_text())
    assert about["arguments"] == {"impressions": 3_001, "creatives": 40, "months": 3, "users": 200, "seed": 7}
    assert any("logit p = b(month)" in line for line in about["formula"])
    assert about["total"]["bayes_auc"] == summary.bayes_auc
    assert [month["starts"] for month in about["months"].values()] == [
        "2026-01-01",
        "2026-02-01",
        "2026-03-01",
    ]
    assert sum(month["clicks"] for month in about["months"].values()) == summary.clicks


def test_the_smallest_sample(tmp_path: Path) -> None:
    summary = simulate(Size(impressions=1, creatives=1, months=1, users=1, seed=0), tmp_path)
    assert summary.bayes_auc is None
    assert len(read(tmp_path / "data" / "month-1" / "impressions.csv")) == 1
