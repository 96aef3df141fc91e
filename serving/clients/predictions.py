"""What comes back for a row, alone and as a data frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Prediction:
    """What the model says of one row.

    Attributes:
        click_probability: in [0, 1], float32 precision.
        model_version: version that computed it; None where the server does not tell.
        creative_status: what became of the row's image: `known` (found by its path), `image` (its bytes were used),
            `unreadable` (its bytes could not be, so it counts as unknown) or `unknown`; None where the model does not
            tell.
    """

    click_probability: float
    model_version: int | None
    creative_status: str | None = None


def predictions_from(
    probabilities: Sequence[float], version: int | None, statuses: Sequence[str | bytes] | None
) -> list[Prediction]:
    """Predictions of one reply, from its outputs. Raises ValueError where their lengths differ."""
    if statuses is None:
        return [Prediction(value, version) for value in probabilities]
    texts = [status.decode("utf-8", "replace") if isinstance(status, bytes) else status for status in statuses]
    return [Prediction(value, version, text) for value, text in zip(probabilities, texts, strict=True)]


def to_frame(predictions: Sequence[Prediction], index: Any) -> Any:
    """A pandas DataFrame on `index`: click_probability, model_version, and creative_status where the model gives it."""
    import pandas as pd

    columns: dict[str, Any] = {
        "click_probability": pd.Series([one.click_probability for one in predictions], index, "float64"),
        "model_version": pd.Series([one.model_version for one in predictions], index, "Int64"),
    }
    if any(one.creative_status is not None for one in predictions):
        columns["creative_status"] = pd.Series([one.creative_status for one in predictions], index, "object")
    return pd.DataFrame(columns, index=index)
