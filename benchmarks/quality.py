"""How good the default model is on data that it has not seen, beside logistic regression and tuned LightGBM.

Prints one JSON line. Three kinds of data: MovieLens with posters (research use, fetched apart; left out where the
folder is missing), simulated samples over seeds with their known click probabilities, and drawn tables that are hard in
one way each (benchmarks/peers/hard_tables.py); or, with `--config`, the user's own data in place of all of them. Every
peer sees the same rows and columns in the same run; differences are paired, with their 95 % intervals. Training runs by
the package's own functions, without TFX.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from adclick.errors import AdclickError, SettingsError
from adclick.stack import prepare_environment
from benchmarks.peers.hard_tables import SETS, write_table
from configs.features import Weight
from configs.loading import load_settings, parse_override
from configs.merging import merge
from configs.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent
KINDS = ("movielens", "simulated", "tables")
PEERS = ("logistic", "lightgbm")
SPLITS = ("split", "split_cold_item")
FloatArray = npt.NDArray[np.float64]


def main() -> None:
    """Runs what was asked for and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", metavar="FILE", help="your own data alone, by the file that adclick run takes")
    parser.add_argument("--only", choices=KINDS, action="append", help="kinds of data (default: all)")
    parser.add_argument("--movielens", type=Path, default=PROJECT.parent / "shared" / "data" / "movielens_posters")
    parser.add_argument("--split", choices=SPLITS, action="append", help="of MovieLens (default: both)")
    parser.add_argument("--table", choices=sorted(SETS), action="append", help="drawn tables (default: all)")
    parser.add_argument("--impressions", type=int, default=50_000, help="of a simulated sample (default: %(default)s)")
    parser.add_argument("--creatives", type=int, default=2_000, help="of a simulated sample (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="samples, tables and trainings (default: %(default)s)")
    parser.add_argument("--sample-seed", type=int, help="one simulated sample for all trainings, drawn with this seed")
    parser.add_argument("--peer", choices=PEERS, action="append", help="default: all; on MovieLens and your own data")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in adclick run")
    arguments = parser.parse_args()
    if arguments.config and arguments.only:
        parser.error("--config measures your own data alone; take --only away")
    prepare_environment()
    if arguments.config:
        try:
            print(json.dumps({"benchmark": "quality", "set": arguments.set, "own": own(arguments)}))
        except AdclickError as problem:
            parser.exit(2, f"{problem}\n")
        return
    kinds = arguments.only or KINDS
    report: dict[str, Any] = {"benchmark": "quality", "set": arguments.set, "seeds": arguments.seeds}
    if "movielens" in kinds and arguments.movielens.is_dir():
        report["movielens"] = {split: _alone(movielens, split, arguments) for split in arguments.split or SPLITS}
    if "simulated" in kinds:
        report["simulated"] = simulated(arguments)
    if "tables" in kinds:
        report["tables"] = {name: table(name, arguments) for name in arguments.table or SETS}
    print(json.dumps(report))


def own(arguments: argparse.Namespace) -> dict[str, Any]:
    """The user's data as `adclick run` divides it. SettingsError: rows that the peers cannot be given as they are."""
    settings = load_settings(arguments.config, arguments.set)
    if settings.data.negative_sampling_rate < 1.0:
        raise SettingsError(
            f"data.negative_sampling_rate: {settings.data.negative_sampling_rate:g}: the peers take thinned rows for "
            "all rows; compare on those alone with --set data.negative_sampling_rate=1"
        )
    if weighed := [feature.name for feature in settings.features if isinstance(feature, Weight)]:
        raise SettingsError(
            f"feature {weighed[0]!r} of kind 'weight': the peers take each row for one impression; compare on a file "
            "of single impressions, with this column of kind ignore"
        )
    return _beside_peers(Path(arguments.config).name, settings, arguments.peer or PEERS)


def movielens(split: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """One way to divide it: our model with and without the posters, and the peers."""
    overlay = PROJECT / "configs" / "examples" / "movielens_posters.yaml"
    words = [f"data.root={arguments.movielens}", f"data.split.column={split}", *arguments.set]
    return _beside_peers(f"movielens {split}", load_settings(overlay, words), arguments.peer or PEERS)


def _beside_peers(what: str, settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    from benchmarks.peers.quality_training import prepare, raw_rows, train_and_score, transform

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepared = prepare(settings, folder)
        transformed = transform(settings, prepared, _made(folder / "transform"))
        ours = train_and_score(settings, prepared, transformed)
        train, unseen = raw_rows(prepared, "train"), raw_rows(prepared, "eval")
        label = unseen[settings.features.label.name].to_numpy(np.float64)
        answer: dict[str, Any] = {"rows": {"train": len(train), "eval": len(unseen)}}
        answer["adclick"] = _figures(label, ours.score, ours.cpu_s)
        if prepared.store and settings.model.use_images:
            without = train_and_score(_with(settings, ["model.use_images=false"]), prepared, transformed)
            answer["images"] = _difference("auc", label, ours.score, without.score)
    answer.update(_against_peers(peers, settings, train, unseen, label, ours.score))
    return _told(what, answer)


def simulated(arguments: argparse.Namespace) -> dict[str, Any]:
    """Samples by the simulator; shares with true probabilities in place of labels, as in the run's summary.

    A model can know the click rate no better than the clicks that were drawn for its training rows, `training_luck`
    times the expected ones. At n clicks this has a standard deviation of about 1 / √n, and so has the calibration ratio
    over samples, however good the model; its quotient by the luck has not.
    """
    runs = [_alone(_simulated, seed, arguments) for seed in range(1, arguments.seeds + 1)]
    return {key: _spread([run[key] for run in runs]) for key in runs[0]}


def _simulated(seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.peers.quality_training import prepare, raw_rows, train_and_score, transform
    from simulator.truth import soft_auc

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        command = [sys.executable, "-m", "adclick.cli", "simulate", "--output", str(folder / "sample")]
        command += ["--impressions", str(arguments.impressions), "--creatives", str(arguments.creatives)]
        drawn_with = seed if arguments.sample_seed is None else arguments.sample_seed
        subprocess.run([*command, "--seed", str(drawn_with)], check=True, capture_output=True, cwd=PROJECT)
        words = [f"data.root={folder / 'sample' / 'data'}", f"trainer.seed={seed}", *arguments.set]
        settings = load_settings(None, words)
        prepared = prepare(settings, folder)
        transformed = transform(settings, prepared, _made(folder / "transform"))
        ours = train_and_score(settings, prepared, transformed)
        without = train_and_score(_with(settings, ["model.use_images=false"]), prepared, transformed)
        training, unseen = raw_rows(prepared, "train"), raw_rows(prepared, "eval")
        with (folder / "sample" / "truth" / "month-1.csv").open(encoding="utf-8") as lines:
            known = {row["impression_id"]: float(row["click_probability"]) for row in csv.DictReader(lines)}
    truth = np.array([known[one] for one in unseen["impression_id"]])
    expected_clicks = sum(known[one] for one in training["impression_id"])
    luck = float(training[settings.features.label.name].astype(float).sum()) / expected_clicks
    ratio = float(ours.score.mean() / truth.mean())
    bayes = soft_auc(truth, truth) - 0.5
    answer = {
        "share": (soft_auc(truth, ours.score) - 0.5) / bayes,
        "share_without_images": (soft_auc(truth, without.score) - 0.5) / bayes,
        "calibration_ratio": ratio,
        "training_luck": luck,
        "calibration_without_luck": ratio / luck,
        "ece": _ece(truth, ours.score),
        "cpu_s": ours.cpu_s,
    }
    return _told(f"simulated {seed}", answer)


def table(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """A drawn table over seeds: AUC against true probabilities, ours minus logistic regression's."""
    runs = [_alone(_table, name, seed, arguments) for seed in range(1, arguments.seeds + 1)]
    return {key: _spread([run[key] for run in runs]) for key in runs[0]}


def _table(name: str, seed: int, arguments: argparse.Namespace) -> dict[str, float]:
    from benchmarks.peers.quality_training import prepare, raw_rows, train_and_score, transform
    from benchmarks.peers.tabular_peers import logistic_regression
    from simulator.truth import soft_auc

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings, probability = write_table(name, folder / "data", seed)
        settings = _with(settings, [f"trainer.seed={seed}", *arguments.set])
        prepared = prepare(settings, folder)
        ours = train_and_score(settings, prepared, transform(settings, prepared, _made(folder / "transform")))
        train, unseen = raw_rows(prepared, "train"), raw_rows(prepared, "eval")
    peer = logistic_regression(train, unseen, settings.features)
    truth = probability[-len(unseen) :]
    answer = {
        "minus_logistic": soft_auc(truth, ours.score) - soft_auc(truth, peer),
        "auc": soft_auc(truth, ours.score),
        "auc_logistic": soft_auc(truth, peer),
        "auc_bayes": soft_auc(truth, truth),
        "calibration_ratio": float(ours.score.mean() / truth.mean()),
        "excess_loss": _excess_loss(truth, ours.score),
        "excess_loss_logistic": _excess_loss(truth, peer),
        "cpu_s": ours.cpu_s,
    }
    return _told(f"{name} {seed}", answer)


def _against_peers(
    names: Sequence[str], settings: Settings, train: Any, unseen: Any, label: FloatArray, score: FloatArray
) -> dict[str, Any]:
    from benchmarks.peers.tabular_peers import logistic_regression, tuned_lightgbm

    ways: dict[str, Callable[..., FloatArray]] = {"logistic": logistic_regression, "lightgbm": tuned_lightgbm}
    answer: dict[str, Any] = {}
    for name in names:
        started = time.process_time()
        peer = ways[name](train, unseen, settings.features)
        answer[name] = _figures(label, peer, time.process_time() - started)
        answer[f"minus_{name}"] = _difference("auc", label, score, peer)
        answer[f"log_loss_minus_{name}"] = _difference("log_loss", label, score, peer)
    return answer


def _with(settings: Settings, words: Sequence[str]) -> Settings:
    values = settings.model_dump(by_alias=True)
    for word in words:
        values = merge(values, parse_override(word).values)
    return Settings.model_validate(values)


def _figures(label: FloatArray, score: FloatArray, cpu_s: float) -> dict[str, float | None]:
    from components.evaluator.metrics import click_metrics

    found = click_metrics(label, score)
    kept = {
        "auc": found.auc,
        "log_loss": found.log_loss,
        "calibration_ratio": found.calibration_ratio,
        "ece": found.ece,
    }
    return {name: value if value is None else round(value, 5) for name, value in {**kept, "cpu_s": cpu_s}.items()}


def _difference(metric: str, label: FloatArray, first: FloatArray, second: FloatArray) -> dict[str, float | None]:
    """The metric of the first minus that of the second, with its interval."""
    from components.evaluator.intervals import paired_difference

    found = zip(("value", "low", "high"), paired_difference(metric, label, first, second), strict=True)
    return {name: value if value is None else round(value, 5) for name, value in found}


def _ece(truth: FloatArray, score: FloatArray) -> float:
    from components.evaluator.metrics import expected_calibration_error

    found = expected_calibration_error(truth, score)
    assert found is not None  # there are rows
    return found


def _excess_loss(truth: FloatArray, score: FloatArray) -> float:
    """Mean Kullback-Leibler divergence from the true probabilities, nats a row: log loss without the labels' noise."""
    score = np.clip(score, 1e-7, 1 - 1e-7)
    return float(np.mean(truth * np.log(truth / score) + (1 - truth) * np.log((1 - truth) / (1 - score))))


def _spread(values: Sequence[float]) -> dict[str, float]:
    """Mean and standard deviation over seeds, least and greatest."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    found = {"mean": statistics.fmean(values), "sd": deviation, "min": min(values), "max": max(values)}
    return {name: round(value, 5) for name, value in found.items()}


def _alone(measure: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """In a process of its own: TensorFlow shares lookup tables of one name, so a second transform sees the first's."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=prepare_environment) as process:
        return process.submit(measure, *arguments).result()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _told(what: str, answer: dict[str, Any]) -> dict[str, Any]:
    sys.stderr.write(f"{what}: {json.dumps(answer)}\n")
    return answer


if __name__ == "__main__":
    main()
