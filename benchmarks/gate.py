"""The gate on real trainings: whether noise blocks a model as good as the one in service, and harm passes.

Prints one JSON line. On one simulated sample the default configuration is trained over and over: models that differ in
`trainer.seed` alone, each judged against the one before, and models that were harmed by a known amount
(benchmarks/peers/gate_candidates.py), each judged against a healthy one. Judge is the gate's own function with the
default bounds and slices, on the same eval rows. With `--scores FOLDER` what was trained is kept, and the same command
goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import functools
import itertools
import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from adclick.stack import prepare_environment
from benchmarks.peers.gate_candidates import Candidate, harmed, healthy, spoilt
from configs.loading import load_settings
from configs.settings import Settings
from pipeline.code_fingerprint import code_fingerprint

if TYPE_CHECKING:
    from benchmarks.peers.gate_verdicts import Eval, Judged

PROJECT = Path(__file__).resolve().parent.parent
CODE = ("simulator.command", "benchmarks.peers.quality_training", "benchmarks.peers.gate_candidates")
"""What scores follow from, with all that these import."""
Labels = npt.NDArray[np.float32]
ALLOWED, REQUIRED = 1 / 20, 19 / 20
"""Shares: of the pairs alike that may be blocked, and of the harmed candidates that have to be."""
INCOMPLETE = 3
TRAININGS_A_PROCESS = 4
DONE = "sample.json"


@dataclasses.dataclass(frozen=True)
class Place:
    """Folder of the sample and of the scores."""

    folder: Path
    words: tuple[str, ...]
    """--set"""

    def settings(self, candidate: Candidate | None = None) -> Settings:
        """Of one training."""
        words = [f"data.root={self.folder / 'sample' / 'data'}", *self.words]
        if candidate is None:
            return load_settings(None, words)
        settings = load_settings(None, [*words, f"trainer.seed={candidate.seed}"])
        dropped = candidate.harm.without if candidate.harm else None
        values = settings.model_dump(by_alias=True)
        ignored = {"name": dropped, "kind": "ignore"}  # slices may still name it
        values["features"] = [ignored if one["name"] == dropped else one for one in values["features"]]
        return Settings.model_validate(values)

    def scores(self, candidate: Candidate) -> Path:
        """Of the eval rows, [rows]."""
        return self.folder / f"{candidate.name}.npy"


def main() -> None:
    """Trains what is missing, judges, prints. Exit status 3: stopped by --trainings, nothing printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--impressions", type=int, default=50_000, help="of the sample (default: %(default)s)")
    parser.add_argument("--creatives", type=int, default=2_000, help="of the sample (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=20, help="of models trained alike (default: %(default)s)")
    parser.add_argument("--harmed", type=int, default=20, help="candidates (default: %(default)s)")
    parser.add_argument("--scores", type=Path, metavar="FOLDER", help="keeps sample and scores (65 MB by default)")
    parser.add_argument("--trainings", type=int, metavar="N", help="with --scores: end after N trainings, status 3")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in adclick run")
    arguments = parser.parse_args()
    prepare_environment()
    if arguments.scores:
        arguments.scores.mkdir(parents=True, exist_ok=True)
        report(arguments, arguments.scores.resolve())
        return
    with tempfile.TemporaryDirectory() as scratch:
        report(arguments, Path(scratch))


def report(arguments: argparse.Namespace, folder: Path) -> None:
    """All of it, in `folder`."""
    place = Place(folder, tuple(arguments.set))
    baselines, candidates = healthy(max(arguments.pairs + 1, arguments.harmed)), harmed(arguments.harmed)
    draw_once(place, arguments)
    train_missing(place, [*baselines, *candidates], arguments.trainings)
    print(json.dumps({**_described(arguments), **_alone(verdicts, place, baselines, candidates, arguments.pairs)}))


def draw_once(place: Place, arguments: argparse.Namespace) -> None:
    """Sample and transformed rows. SystemExit where the folder has those of other arguments or of other code."""
    done, wanted = place.folder / DONE, _described(arguments)
    wanted |= {"code": code_fingerprint(*CODE), "settings": place.settings().model_dump(mode="json", by_alias=True)}
    if done.is_file():
        if json.loads(done.read_text()) != wanted:
            raise SystemExit(
                f"--scores {place.folder}: has the scores of other arguments, settings or code; give another one"
            )
        return
    for left in ("sample", "columns", "examples", "store", "transform"):
        shutil.rmtree(place.folder / left, ignore_errors=True)
    command = [sys.executable, "-m", "adclick.cli", "simulate", "--output", str(place.folder / "sample")]
    command += ["--impressions", str(arguments.impressions), "--creatives", str(arguments.creatives)]
    subprocess.run([*command, "--seed", str(arguments.seed)], check=True, capture_output=True, cwd=PROJECT)
    _alone(_transform, place)
    done.write_text(json.dumps(wanted))


def train_missing(place: Place, candidates: Sequence[Candidate], most: int | None) -> None:
    """Several trainings a process. SystemExit after `most`."""
    missing = [one for one in candidates if not place.scores(one).is_file()]
    now = missing[:most]
    for start in range(0, len(now), TRAININGS_A_PROCESS):
        _alone(_train, place, now[start : start + TRAININGS_A_PROCESS])
    if len(now) < len(missing):
        sys.stderr.write(f"{len(missing) - len(now)} trainings are left\n")
        raise SystemExit(INCOMPLETE)


def verdicts(
    place: Place, baselines: Sequence[Candidate], candidates: Sequence[Candidate], pairs: int
) -> dict[str, Any]:
    """Judges what was trained."""
    from benchmarks.peers.gate_verdicts import alike_part, harmed_part, judged

    rows = _eval_rows(place)
    scores = {one.name: np.load(place.scores(one)) for one in (*baselines, *candidates)}

    def against(candidate: Candidate, baseline: Candidate) -> Judged:
        return judged(rows, candidate, scores[candidate.name], baseline, scores[baseline.name])

    alike = [against(after, before) for before, after in itertools.pairwise(baselines[: pairs + 1])]
    every = [against(one, other) for one, other in itertools.permutations(baselines[: pairs + 1], 2)]
    bad = [against(candidate, baseline) for candidate, baseline in zip(candidates, baselines, strict=False)]
    told: dict[str, Any] = {
        "eval_rows": len(rows.label),
        "eval_clicks": int(rows.label.sum()),
        "alike": alike_part(alike, every, int(ALLOWED * pairs)),
        "harmed": harmed_part(bad, int(np.ceil(REQUIRED * len(bad)))),
    }
    held = told["alike"]["blocked"] <= told["alike"]["allowed"]
    return {**told, "holds": held and told["harmed"]["blocked_and_named"] >= told["harmed"]["required"]}


def _described(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("impressions", "creatives", "seed", "set")
    return {"benchmark": "gate", **{name: getattr(arguments, name) for name in names}}


def _transform(place: Place) -> None:
    from adclick.redirection import output_to
    from benchmarks.peers.quality_training import prepare, transform

    settings = place.settings()
    with output_to(place.folder / "transform.log"):  # TensorFlow Transform's many warnings
        prepared = prepare(settings, place.folder)
        (place.folder / "transform").mkdir()
        transform(settings, prepared, place.folder / "transform")


def _train(place: Place, candidates: Sequence[Candidate]) -> None:
    from adclick.redirection import output_to
    from benchmarks.peers.quality_training import Prepared, raw_rows, train_and_score

    prepared = Prepared(place.folder / "columns", place.folder / "store")
    rows = raw_rows(prepared, "train")
    for candidate in candidates:
        settings = place.settings(candidate)
        of = candidate.harm.slice if candidate.harm else None
        in_slice = None if of is None else (rows[of[0]] == of[1]).to_numpy(np.bool_)
        known = rows[settings.features.label.name].to_numpy(np.float32)
        began = time.monotonic()
        spoil = functools.partial(_labels, known, candidate, in_slice)
        with output_to(place.folder / "training.log"):
            scored = train_and_score(settings, prepared, place.folder / "transform", spoil)
        beside = place.scores(candidate).with_suffix(".part")
        with beside.open("wb") as stream:
            np.save(stream, scored.score)
        beside.rename(place.scores(candidate))
        sys.stderr.write(f"{candidate.name}: {scored.cpu_s:.0f} CPU s, {time.monotonic() - began:.0f} s\n")


def _labels(known: Labels, candidate: Candidate, in_slice: npt.NDArray[np.bool_] | None, label: Labels) -> Labels:
    """`known`: those of the columns' rows, by which `in_slice` goes."""
    if not np.array_equal(label, known):
        raise ValueError("training rows and their columns are not in one order")
    return label if candidate.harm is None else spoilt(label, candidate.harm, in_slice, candidate.seed)


def _eval_rows(place: Place) -> Eval:
    from benchmarks.peers.gate_verdicts import Eval
    from benchmarks.peers.quality_training import Prepared, raw_rows
    from components.evaluator.slices import slicings_from_columns

    columns, settings = place.folder / "columns", place.settings()
    unseen = raw_rows(Prepared(columns, None), "eval")
    with (place.folder / "sample" / "truth" / "month-1.csv").open(encoding="utf-8") as lines:
        known = {row["impression_id"]: float(row["click_probability"]) for row in csv.DictReader(lines)}
    return Eval(
        unseen[settings.features.label.name].to_numpy(np.float64),
        np.array([known[one] for one in unseen["impression_id"]]),
        slicings_from_columns(str(columns), settings.evaluation.slices),
        settings.evaluation,
    )


def _alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """In a process of its own: TensorFlow shares lookup tables of one name, so a second transform sees the first's."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=prepare_environment) as process:
        return process.submit(work, *arguments).result()


if __name__ == "__main__":
    main()
