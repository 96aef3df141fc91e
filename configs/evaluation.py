"""Settings of the evaluation: what is measured, on which slices, and the bounds of the gate on the model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from configs.section import Section

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
    """How far a candidate may fall behind the model in service on one slice, and which slices decide."""

    max_auc_drop: Share = 0.02
    max_normalized_entropy_rise: float = Field(default=0.02, ge=0.0)
    max_calibration_error_rise: float = Field(default=0.1, ge=0.0)
    min_rows: int = Field(default=500, ge=2)
    """A slice of fewer rows is reported and never decides."""
    min_clicks: int = Field(default=50, ge=2)
    """Rows with a click, and rows without one, that a slice needs to decide."""


class Evaluation(Section):
    """What is measured, on which slices, and the bounds of the gate."""

    engine: Literal["fast", "tfma"] = "fast"
    """`fast`: arrays on one machine; `tfma`: stock TFMA on Beam, for data that outgrows it, with the same results."""
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
