"""What the gate's benchmark trains: models alike but for the seed, and models that were harmed by a known amount."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]


class Harm(NamedTuple):
    """What was done to a training."""

    name: str
    noise_share: float = 0.0
    """Share of the training rows whose labels were shuffled among them: they tell nothing, the click rate stays."""
    without: str | None = None
    """Feature that the table of features lacks."""
    slice: tuple[str, str] | None = None
    """Column and value of the slice whose rows' labels were shuffled among them in training."""

    def slice_name(self) -> str | None:
        """As the gate names it."""
        return None if self.slice is None else "=".join(self.slice)


class Candidate(NamedTuple):
    """One training."""

    name: str
    """Of the file with its scores."""
    seed: int
    """trainer.seed: first weights, order of the rows, dropout, which rows are set aside to stop and to calibrate on."""
    harm: Harm | None = None


NOISE = (Harm("noise-30", noise_share=0.3), Harm("noise-60", noise_share=0.6))
WITHOUT = (Harm("without-image_path", without="image_path"), Harm("without-position", without="position"))
SHUFFLED = (
    Harm("shuffled-device=mobile", slice=("device", "mobile")),
    Harm("shuffled-position=in_feed", slice=("position", "in_feed")),
)
HARMS = (*NOISE, *WITHOUT, *SHUFFLED)


def healthy(count: int) -> list[Candidate]:
    """Seeds 1, 2, …; nothing else differs between them."""
    return [Candidate(f"healthy-{seed}", seed) for seed in range(1, count + 1)]


def harmed(count: int) -> list[Candidate]:
    """Every harm in turn, each time with another seed, which is none of the healthy ones'."""
    turns = itertools.islice(itertools.cycle(HARMS), count)
    return [Candidate(f"{harm.name}-{1000 + index}", 1000 + index, harm) for index, harm in enumerate(turns, 1)]


def spoilt(label: FloatArray, harm: Harm, in_slice: BoolArray | None, seed: int) -> FloatArray:
    """Training labels after the harm, [rows]. `in_slice`: rows of the harm's slice, [rows]."""
    generator = np.random.default_rng(seed)
    if in_slice is not None:
        chosen = np.flatnonzero(in_slice)
    else:
        chosen = np.flatnonzero(generator.random(len(label)) < harm.noise_share)
    told = label.copy()
    told[chosen] = label[generator.permutation(chosen)]
    return told
