"""What the images are worth: the whole pipeline on the simulated sample, with image features and without.

Prints one JSON line. `images_explain` is the Bayes AUC minus the AUC of the probability given the columns alone; the
model without images should lose at least half of it. AUCs have true probabilities in place of labels, so that the draw
of the labels does not decide.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from simulator.truth import soft_auc

PROJECT = Path(__file__).resolve().parent.parent
EVAL_SHARE = 0.2


def run(data: Path, output: Path, *settings: str) -> dict[str, float]:
    """`truth` of the run's summary."""
    command = [sys.executable, "run_local.py", "--no-progress", "--data-root", str(data), "--output-root", str(output)]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr)
    truth: dict[str, float] = json.loads((output / "reports" / "latest" / "summary.json").read_text("utf-8"))["truth"]
    return truth


def explained_by_images(truth: Path) -> float:
    """Bayes AUC minus that of the columns alone, on the newest rows (the file is in the order of time)."""
    with truth.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    rows = rows[round(len(rows) * (1 - EVAL_SHARE)) :]
    full, columns = (
        [float(row[name]) for row in rows] for name in ("click_probability", "click_probability_columns_only")
    )
    return soft_auc(full, full) - soft_auc(full, columns)


def main() -> None:
    """Simulates, runs twice, prints."""
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "sample"
        command = [sys.executable, "-m", "adclick.cli", "simulate", "--output", str(sample), *sys.argv[1:]]
        subprocess.run(command, check=True, capture_output=True, cwd=PROJECT)
        with_images = run(sample / "data", Path(folder) / "out")
        without = run(sample / "data", Path(folder) / "out", "model.use_images=false")
        worth = explained_by_images(sample / "truth" / "month-1.csv")
    lost = with_images["auc_true_probability"] - without["auc_true_probability"]
    print(
        json.dumps(
            {
                "benchmark": "image_ablation",
                "bayes_auc": round(with_images["bayes_auc_true_probability"], 4),
                "images_explain": round(worth, 4),
                "auc_with_images": round(with_images["auc_true_probability"], 4),
                "auc_without_images": round(without["auc_true_probability"], 4),
                "lost_without_images": round(lost, 4),
                "lost_share": round(lost / worth, 3),
                "share": round(with_images["share"], 4),
                "share_with_labels": round(with_images["share_with_labels"], 4),
            }
        )
    )


if __name__ == "__main__":
    main()
