"""The creatives that the model likes most and least, as their evaluation rows show it, with pictures."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import numpy.typing as npt

from components.creative_gen.store import CreativePixels

SHOWN = 12
FEWEST_ROWS = 20
"""A creative with fewer evaluation rows is ranked only where there are not enough others."""
JPEG_QUALITY = 82


def creative_ranking(
    paths: npt.NDArray[Any],
    label: npt.NDArray[np.float64],
    score: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None = None,
) -> dict[str, Any] | None:
    """By mean prediction over a creative's rows; `paths` is b"" where a row has no creative. All [rows].

    None where no row that weighs something has a creative.
    """
    weights = np.ones_like(score) if weight is None else weight
    counted = weights > 0
    paths, label, score, weights = paths[counted], label[counted], score[counted], weights[counted]
    keys, inverse = np.unique(
        np.array([path.decode("utf-8", "replace") for path in paths], dtype=str), return_inverse=True
    )
    rows = np.bincount(inverse, minlength=len(keys))
    total = np.bincount(inverse, weights, len(keys))
    rate = np.bincount(inverse, weights * label, len(keys)) / total
    mean = np.bincount(inverse, weights * score, len(keys)) / total
    named = keys != ""
    if not named.any():
        return None
    fewest = FEWEST_ROWS
    while fewest > 1 and int((named & (rows >= fewest)).sum()) < 2 * SHOWN:
        fewest //= 2
    ranked = np.flatnonzero(named & (rows >= fewest))
    ranked = ranked[np.argsort(-mean[ranked], kind="stable")]
    shown = min(SHOWN, len(ranked) // 2) or len(ranked)

    def entry(index: int) -> dict[str, Any]:
        return {
            "path": str(keys[index]), "mean_prediction": float(f"{mean[index]:.6g}"),
            "mean_label": float(f"{rate[index]:.6g}"), "rows": int(rows[index]),
        }  # fmt: skip

    return {
        "fewest_rows": fewest,
        "ranked": len(ranked),
        "most": [entry(index) for index in ranked[:shown]],
        "least": [entry(index) for index in ranked[::-1][:shown] if index not in ranked[:shown]],
    }


def thumbnails(ranking: dict[str, Any] | None, store: CreativePixels) -> dict[str, str]:
    """JPEG in base64 by path, of the ranked creatives that the store holds."""
    if ranking is None:
        return {}
    wanted = {entry["path"] for side in ("most", "least") for entry in ranking[side]}
    place = {key: index for index, key in enumerate(store.keys) if key in wanted}
    return {key: _jpeg(store.pixels[index]) for key, index in place.items()}


def _jpeg(pixels: npt.NDArray[np.uint8]) -> str:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.asarray(pixels)).save(stream, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return base64.b64encode(stream.getvalue()).decode("ascii")
