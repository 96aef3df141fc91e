"""Names in an exported model's signatures that whoever asks it needs to know. Importing this costs nothing."""

from __future__ import annotations

PROBABILITY = "click_probability"
"""Output of `serving_default` and `predict`, float32 [batch]."""
MISSING_INT64 = -(1 << 63)
"""In the `predict` signature "" is a missing string, NaN a missing number, and this a missing integer."""

CREATIVE_STATUS = "creative_status"
"""Output of `predict` where the model has images: string [batch], one of the four below for each row."""
KNOWN = "known"
"""The creative's key is among those trained on; bytes are not looked at."""
IMAGE = "image"
"""Another key or none, and its bytes were decoded and used."""
UNREADABLE = "unreadable"
"""Another key or none, and its bytes could not be used: the row counts as one without a creative."""
UNKNOWN = "unknown"
"""Another key or none, and no bytes: the row counts as one without a creative."""

CALIBRATION = "calibration"
"""Signature without inputs: how often impressions were clicked, by score (see trainer/calibration_bins.py)."""
SCORE_UPPER_BOUNDS = "score_upper_bounds"
IMPRESSIONS = "impressions"
CLICKS = "clicks"
