"""Settings of the evaluation: what is measured, on which slices, and the bounds of the gate on the model."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from configs.section import Section

SERVED_FOLDER = "served_folder"
SERVER_URL = r"(https?|grpc)://[^/?#@\s]+(/[^?#@\s]*)?"
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Bounds(Section):
    """What a candidate must reach on all rows together, and how far it may fall behind the model in service."""

    min_auc: Share = 0.55
    max_log_loss: float = Field(default=1.0, gt=0.0)
    min_calibration_ratio: float = Field(default=0.8, ge=0.0)
    max_calibration_ratio: float = Field(default=1.25, ge=0.0)
    max_ece: Share = 0.05
    max_auc_drop: Share = 0.005
    max_normalized_entropy_rise: float = Field(default=0.005, ge=0.0)
    max_calibration_error_rise: float = Field(default=0.05, ge=0.0)
    """Of |ln(calibration ratio)|: 0.05 is about five percent."""


class SliceBounds(Section):
    """How far a candidate may fall behind the model in service on one slice, what it must reach there, and which slices
    decide."""

    max_auc_drop: Share = 0.02
    max_normalized_entropy_rise: float = Field(default=0.02, ge=0.0)
    max_calibration_error_rise: float = Field(default=0.1, ge=0.0)
    min_auc: Share | None = None
    """What must be reached, on the first run too; none: nothing. So for the next two."""
    min_calibration_ratio: Annotated[float, Field(gt=0.0)] | None = None
    max_calibration_ratio: Annotated[float, Field(gt=0.0)] | None = None
    min_rows: int = Field(default=500, ge=2)
    """A slice of fewer rows is reported and never decides."""
    min_clicks: int = Field(default=50, ge=2)
    """Rows with a click, and rows without one, that a slice needs to decide."""


class Evaluation(Section):
    """What is measured, on which slices, and the bounds of the gate."""

    engine: Literal["fast", "tfma"] = "fast"
    """`fast`: arrays on one machine; `tfma`: stock TFMA on Beam, for data that outgrows it, with the same results."""
    baseline: str = SERVED_FOLDER
    """What is compared with: the newest version of the served folder, or the one that the server at this URL answers
    with (http://, https:// or grpc://)."""
    slices: tuple[tuple[str, ...], ...] = (("device",), ("position",))
    """Columns of the data; also `known:COLUMN`, whether the training rows have the value, and `span`."""
    bounds: Bounds = Bounds()
    slice_bounds: SliceBounds = SliceBounds()
    confidence: float = Field(default=0.95, ge=0.5, lt=1.0)
    """Of the intervals; an allowed regression is exceeded only where noise explains it no more."""
    when_unclear: Literal["pass", "block"] = "pass"
    """What becomes of a regression on all rows that the interval neither shows nor excludes."""
    truth: str | None = None
    """Folder, below data.root or a URI, with the known click probabilities of simulated data; none for real data."""

    @field_validator("baseline")
    @classmethod
    def _baseline_known(cls, value: str) -> str:
        if value != SERVED_FOLDER and not re.fullmatch(SERVER_URL, value):
            told = "…@" + value.rpartition("@")[2] if "@" in value else value  # before it may be a password
            raise ValueError(
                f"evaluation.baseline is {told!r}; give {SERVED_FOLDER}, or the URL of a model server such as "
                "http://127.0.0.1:8501 (REST) or grpc://127.0.0.1:8500"
            )
        return value
