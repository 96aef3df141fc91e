"""Rows that are not one impression each: thinned negatives, and groups with a count of clicks; against known truth."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from local_run import PROJECT, run_local

from components.example_gen.splitting import SplitRule, eval_mask
from configs.loading import load_settings
from configs.settings import Split

pytestmark = pytest.mark.e2e

IMPRESSIONS, CREATIVES = 80_000, 100
KEPT = 0.2
GROUP = ["device", "country", "position", "site_category", "month_half"]


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """The sample's folder, and every impression with its true click probability."""
    folder = tmp_path_factory.mktemp("traffic") / "s"
    size = ["--impressions", str(IMPRESSIONS), "--creatives", str(CREATIVES), "--seed", "5"]
    subprocess.run(
        [sys.executable, "-m", "adclick.cli", "simulate", "--output", str(folder), *size], check=True, cwd=PROJECT
    )
    rows = pd.read_csv(folder / "data" / "month-1" / "impressions.csv", keep_default_na=False)
    return folder, rows.merge(pd.read_csv(folder / "truth" / "month-1.csv"), on="impression_id")


def write(rows: pd.DataFrame, folder: Path) -> Path:
    (folder / "month-1").mkdir(parents=True)
    rows.to_csv(folder / "month-1" / "impressions.csv", index=False)
    return folder


def asked(output: Path, version: int, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The pushed model's answers through the signature that clients use, [rows]."""
    import tensorflow as tf

    model = tf.saved_model.load(str(output / "serving" / "adclick" / str(version)))
    predict = model.signatures["predict"]
    inputs = {}
    for name, spec in predict.structured_input_signature[1].items():
        column = rows[name] if name in rows else pd.Series([""] * len(rows))
        if spec.dtype == tf.string:
            inputs[name] = tf.constant(column.astype(str).tolist())
        elif spec.dtype == tf.int64:
            inputs[name] = tf.constant((pd.to_datetime(column).astype("int64") // 10**9).to_numpy())
        else:
            inputs[name] = tf.constant(pd.to_numeric(column).to_numpy(np.float32))
    return np.asarray(predict(**inputs)["click_probability"], np.float64)


def test_a_model_of_thinned_negatives_is_calibrated_on_the_real_traffic(
    traffic: tuple[Path, pd.DataFrame], tmp_path: Path
) -> None:
    """Every click and a fifth of the others are delivered; the model answers for all of them.

    Asked about all impressions of the evaluation's users, delivered or not, predicted clicks are held against the sum
    of the true probabilities, which has no noise of its own. What is left is that of the 4,300 clicks it was trained
    on: 1 / √4,300 = 0.015, so that 0.05 is more than three times the noise.
    """
    folder, rows = traffic
    split = Split(by="hash", column="user_id", eval_share=0.3)
    is_eval = eval_mask(SplitRule(split), {"user_id": pa.array(rows["user_id"])}, load_settings().features)
    kept = (rows["clicked"] == 1) | (np.random.default_rng(6).random(len(rows)) < KEPT)
    data = write(rows[kept].drop(columns=["click_probability", "click_probability_columns_only"]), tmp_path / "data")
    run = run_local(
        data, tmp_path / "out",
        settings=(
            f"data.negative_sampling_rate={KEPT}", f"creatives.root={folder / 'data'}", "creatives.image_px=16",
            "data.split={by: hash, column: user_id, eval_share: 0.3}", "model.use_images=false", "trainer.epochs=4",
            "evaluation.slices=[[device]]", "evaluation.truth=null",
        ),
    )  # fmt: skip
    assert run.status == 0, run.text + run.errors
    summary = run.summary
    assert summary["splits"] == {"train": (kept & ~is_eval).sum(), "eval": (kept & is_eval).sum()}

    unseen = rows[is_eval]
    found = asked(run.output, summary["pushed_version"], unseen)
    assert found.sum() / unseen["click_probability"].sum() == pytest.approx(1.0, abs=0.05)

    # The evaluation has a fifth of the others and says the same of all of them, but for which fifth that is.
    others = (kept & is_eval & (rows["clicked"] == 0)).sum()
    metrics = summary["metrics"]
    assert metrics["weight"] == pytest.approx(unseen["clicked"].sum() + others / KEPT)
    assert metrics["mean_label"] == pytest.approx(unseen["clicked"].mean(), rel=0.03)
    assert metrics["mean_prediction"] == pytest.approx(found.mean(), rel=0.03)
    assert metrics["calibration_ratio"] == pytest.approx(found.sum() / unseen["clicked"].sum(), rel=0.03)
    assert summary["verdict"]["canary"]["state"] == "passed"  # served = offline = what was judged, to 1e-6


def test_groups_of_impressions_are_learnt_and_judged_by_their_impressions(
    traffic: tuple[Path, pd.DataFrame], tmp_path: Path
) -> None:
    _, rows = traffic
    rows = rows.assign(month_half=np.where(rows["timestamp"].str[8:10].astype(int) > 15, "second", "first"))
    rows["part"] = np.where(np.random.default_rng(7).random(len(rows)) < 0.3, "eval", "train")
    groups = rows.groupby([*GROUP, "part"], as_index=False).agg(
        shown=("clicked", "size"), clicks=("clicked", "sum"), truth=("click_probability", "sum")
    )
    broken = pd.DataFrame([dict.fromkeys(groups.columns, "x") | {"shown": 3, "clicks": 4, "part": "eval"}])
    data = write(pd.concat([groups, broken]).drop(columns="truth"), tmp_path / "data")
    settings: dict[str, Any] = {
        "data": {"split": {"by": "column", "column": "part"}},
        "evaluation": {"slices": [["device"]], "truth": None},
        "features": [
            *({"name": name, "kind": "categorical"} for name in GROUP),
            {"name": "part", "kind": "key", "required": True},
            {"name": "shown", "kind": "weight"},
            {"name": "clicks", "kind": "label", "impressions": "shown"},
        ],
    }
    config = tmp_path / "counts.yaml"
    config.write_text(yaml.safe_dump(settings))
    run = run_local(data, tmp_path / "out", "--config", str(config), settings=())
    assert run.status == 0, run.text + run.errors
    summary = run.summary
    assert summary["rows"] == {
        "read": len(groups) + 1, "written": len(groups), "rejected": {"too_many_clicks": 1},
    }  # fmt: skip
    unseen = groups[groups["part"] == "eval"].reset_index(drop=True)
    metrics = summary["metrics"]
    assert metrics["count"] == len(unseen)
    assert metrics["weight"] == unseen["shown"].sum()
    assert metrics["mean_label"] == pytest.approx(unseen["clicks"].sum() / unseen["shown"].sum())
    found = asked(run.output, summary["pushed_version"], unseen)
    assert metrics["mean_prediction"] == pytest.approx((found * unseen["shown"]).sum() / unseen["shown"].sum())
    assert (found * unseen["shown"]).sum() / unseen["truth"].sum() == pytest.approx(1.0, abs=0.05)
    # Single impressions in place of the groups have the same AUC.
    single = (
        np.repeat(found, unseen["shown"]),
        np.concatenate([np.repeat([1.0, 0.0], [one.clicks, one.shown - one.clicks]) for one in unseen.itertuples()]),
    )
    from sklearn.metrics import roc_auc_score

    assert metrics["auc"] == pytest.approx(roc_auc_score(single[1], single[0]), abs=1e-9)
