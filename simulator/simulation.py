"""A whole sample: population, months, creatives, truth, in that order."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from simulator import click_model, writing
from simulator.drawing import creative_specs
from simulator.gallery import write_creatives
from simulator.population import Floats, Population, Size, draw_population
from simulator.traffic import Impressions, draw_impressions, month_start
from simulator.truth import auc, soft_auc

# (what is being done, how many done, how many in all)
Progress = Callable[[str, int, int], None]


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a sample, or one month of it, holds."""

    impressions: int
    clicks: int
    bayes_auc: float | None  # of the true probability; None when all or none were clicked
    columns_only_auc: float | None  # of the best guess without sight of the images
    soft_bayes_auc: float  # the same two without the labels' sampling noise
    soft_columns_only_auc: float

    @property
    def click_through_rate(self) -> float:
        """Clicks per impression."""
        return self.clicks / self.impressions


def summarize(clicked: npt.NDArray[np.bool_], probability: Floats, columns_only: Floats) -> Summary:
    """Counts and areas under the curve of impressions; all arguments [n]."""
    has_both = bool(clicked.any()) and not bool(clicked.all())
    return Summary(
        impressions=len(clicked),
        clicks=int(clicked.sum()),
        bayes_auc=auc(clicked, probability) if has_both else None,
        columns_only_auc=auc(clicked, columns_only) if has_both else None,
        soft_bayes_auc=soft_auc(probability, probability),
        soft_columns_only_auc=soft_auc(probability, columns_only),
    )


def draw_months(population: Population, size: Size) -> Iterator[tuple[Impressions, click_model.Clicks]]:
    """Impressions and clicks, month after month."""
    for month in range(1, size.months + 1):
        impressions = draw_impressions(population, size, month)
        yield impressions, click_model.draw_clicks(population, impressions, size)


def simulate(
    size: Size, output: Path, *, force: bool = False, progress: Progress = lambda _what, _done, _total: None
) -> Summary:
    """Write a sample under `output`; the same `size` gives the same bytes (by one numpy and Pillow).

    Raises:
        writing.OutputRefusedError: `output` holds something that must not be replaced.
        OSError: a file cannot be written.
    """
    population = draw_population(size)
    names = population.creatives.names
    writing.prepare_output(output, writing.planned_paths(size, names), force)
    months: list[click_model.Clicks] = []
    for impressions, clicks in draw_months(population, size):
        writing.write_month(output, population, impressions, clicks)
        months.append(clicks)
        progress("impressions", sum(len(month.clicked) for month in months), size.impressions)
    specs = creative_specs(population.creatives, size.seed)
    write_creatives(specs, output / "data" / "images", lambda done: progress("creatives", done, len(specs)))
    writing.write_creatives_truth(output, population.creatives)
    total = summarize(
        np.concatenate([month.clicked for month in months]),
        np.concatenate([month.probability for month in months]),
        np.concatenate([month.probability_columns_only for month in months]),
    )
    by_month = [summarize(month.clicked, month.probability, month.probability_columns_only) for month in months]
    (output / writing.ABOUT).write_text(about(size, total, by_month), encoding="utf-8")
    return total


def about(size: Size, total: Summary, by_month: list[Summary]) -> str:
    """The sample's own description as JSON: arguments, formula, coefficients, what came of them."""
    content = {
        "arguments": dataclasses.asdict(size),
        "versions": {name: version(name) for name in ("numpy", "pillow")},
        "formula": (click_model.__doc__ or "").splitlines(),
        "coefficients": dataclasses.asdict(click_model.COEFFICIENTS),
        "total": dataclasses.asdict(total),
        "months": {
            f"month-{number}": {"starts": month_start(number).date().isoformat(), **dataclasses.asdict(month)}
            for number, month in enumerate(by_month, start=1)
        },
    }
    return json.dumps(content, indent=2) + "\n"
