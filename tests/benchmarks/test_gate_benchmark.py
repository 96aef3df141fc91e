"""The gate's benchmark: what is done to labels, what is counted, and a small run of two trainings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.gate import Place
from benchmarks.peers.gate_candidates import HARMS, Candidate, Harm, harmed, healthy, spoilt
from benchmarks.peers.gate_verdicts import Eval, Judged, alike_part, harmed_part, judged, normalized_entropy
from components.evaluator.slices import Slicing
from configs.evaluation import Evaluation
from configs.features import Categorical

PROJECT = Path(__file__).resolve().parents[2]
LABEL = np.array([1, 0] * 500, np.float32)
SLICE = Harm("shuffled", slice=("device", "mobile"))


def bound(name: str, of: str | None = None) -> dict[str, Any]:
    return {"name": name, "slice": of}


def pair(change: float, *blocking: dict[str, Any], harm: Harm | None = None) -> Judged:
    return Judged(Candidate("b", 2, harm), Candidate("a", 1), change, change, 0.0, list(blocking), [])


def test_every_harm_has_several_seeds_and_no_seed_twice() -> None:
    candidates = harmed(20)
    counts = [sum(one.harm is harm for one in candidates) for harm in HARMS]
    assert counts == [4, 4, 3, 3, 3, 3]
    seeds = [one.seed for one in (*healthy(21), *candidates)]
    assert len(set(seeds)) == len({one.name for one in (*healthy(21), *candidates)}) == 41


def test_noise_shuffles_its_share_of_the_labels_and_keeps_the_click_rate() -> None:
    told = spoilt(LABEL, Harm("noise", noise_share=0.6), None, 1)
    assert told.sum() == LABEL.sum()
    # of 60 % of the rows that are shuffled, half come by their own label again
    assert np.mean(told != LABEL) == pytest.approx(0.3, abs=0.05)
    assert np.array_equal(told, spoilt(LABEL, Harm("noise", noise_share=0.6), None, 1))


def test_a_shuffled_slice_leaves_the_other_rows_alone() -> None:
    inside = np.arange(len(LABEL)) < 400
    told = spoilt(LABEL, SLICE, inside, 1)
    assert np.array_equal(told[400:], LABEL[400:])
    assert told[:400].sum() == LABEL[:400].sum()
    assert np.mean(told[:400] != LABEL[:400]) == pytest.approx(0.5, abs=0.1)


def test_a_dropped_feature_is_not_read_and_may_still_be_sliced_by(tmp_path: Path) -> None:
    place = Place(tmp_path, ("trainer.epochs=3",))
    whole = place.settings(Candidate("a", 5))
    less = place.settings(Candidate("b", 6, Harm("without-position", without="position")))
    assert (whole.trainer.seed, less.trainer.seed, less.trainer.epochs) == (5, 6, 3)
    names = [{one.name for one in settings.features.of_kind(Categorical)} for settings in (whole, less)]
    assert names[0] - names[1] == {"position"}
    assert ("position",) in less.evaluation.slices


def test_normalized_entropy_of_known_probabilities() -> None:
    truth = np.array([0.1, 0.3])
    # entropies: H(0.1) = 0.32508, H(0.3) = 0.61086, H(0.2) = 0.50040
    assert normalized_entropy(truth, truth) == pytest.approx((0.32508 + 0.61086) / 2 / 0.50040, abs=1e-4)
    assert normalized_entropy(truth, np.array([0.2, 0.2])) == pytest.approx(1.0)


def test_only_regressions_count_against_models_trained_alike() -> None:
    pairs = [pair(0.0), pair(-0.02, bound("AUC change")), pair(0.001, bound("calibration ratio"))]
    part = alike_part(pairs, pairs, 1)
    assert (part["pairs"], part["blocked"], part["blocked_by_floors_alone"]) == (3, 1, 1)
    assert [one["auc_change"] for one in part["blocked_pairs"]] == [-0.02, 0.001]
    assert part["every_ordered_pair"]["by"] == {"AUC change": 1, "calibration ratio": 1}


def test_a_harmed_slice_has_to_be_named() -> None:
    elsewhere = pair(-0.1, bound("AUC change"), bound("AUC change", "device=tablet"), harm=SLICE)
    named = pair(-0.1, bound("AUC change", "device=mobile"), harm=SLICE)
    passed, noisy = pair(-0.001, harm=HARMS[0]), pair(-0.1, bound("AUC change"), harm=HARMS[0])
    part = harmed_part([elsewhere, named, passed, noisy], 4)
    assert (part["candidates"], part["blocked"], part["blocked_and_named"]) == (4, 3, 2)
    assert [(one["harm"], one["auc_change"]) for one in part["not_found"]] == [("shuffled", -0.1), ("noise-30", -0.001)]
    assert part["by_harm"]["shuffled"]["by"]["AUC change in device=mobile"] == 1


def test_the_gate_judges_by_its_own_bounds() -> None:
    generator = np.random.default_rng(1)
    truth = generator.beta(1, 9, 10_000)
    label = (generator.random(10_000) < truth).astype(np.float64)
    rows = Eval(label, truth, [Slicing((), ((),), np.zeros(10_000, np.int64))], Evaluation())
    same = judged(rows, Candidate("b", 2), truth, Candidate("a", 1), truth)
    assert (same.auc_change, same.true_auc_change, same.blocking) == (0.0, 0.0, [])
    flat = judged(
        rows, Candidate("b", 2), np.clip(truth + generator.normal(0, 0.1, 10_000), 0.01, 1), same.baseline, truth
    )
    assert flat.regressed
    assert flat.true_auc_change < -0.05
    assert {one["name"] for one in flat.blocking} >= {"AUC change", "normalized entropy change"}


@pytest.mark.e2e
def test_a_small_run_goes_on_where_it_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gate", "--impressions", "3000", "--creatives", "100", "--pairs", "1"]
    command += ["--harmed", "1", "--set", "trainer.epochs=1", "--scores", str(tmp_path / "scores")]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *more], capture_output=True, text=True, cwd=PROJECT)

    first = run("--trainings", "2")
    assert (first.returncode, first.stdout) == (3, ""), first.stderr[-2000:]
    second = run()
    assert second.returncode == 0, second.stderr[-2000:]
    assert [line.partition(":")[0] for line in second.stderr.splitlines() if "CPU s" in line] == ["noise-30-1001"]
    found = json.loads(second.stdout)
    assert (found["alike"]["pairs"], found["harmed"]["candidates"], found["eval_rows"]) == (1, 1, 600)
    other = run("--seed", "2")
    assert "has the scores of other arguments" in other.stderr
