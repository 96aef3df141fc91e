"""Why a row is rejected: each code with its exact condition. The docs list is held against this one by a test."""

from __future__ import annotations

from enum import Enum


class RejectCode(str, Enum):
    """Reason of a reject. A row is counted under the first code that holds, in this order."""

    BAD_QUOTES = "bad_quotes"
    RAGGED_ROW = "ragged_row"
    NOT_UTF8 = "not_utf8"
    NUL_BYTE = "nul_byte"
    REPEATED_HEADER = "repeated_header"
    MISSING_LABEL = "missing_label"
    BAD_LABEL = "bad_label"
    BAD_IMPRESSIONS = "bad_impressions"
    TOO_MANY_CLICKS = "too_many_clicks"
    MISSING_REQUIRED = "missing_required"
    BAD_NUMBER = "bad_number"
    OUT_OF_RANGE = "out_of_range"
    BAD_TIMESTAMP = "bad_timestamp"
    UNSAFE_IMAGE_PATH = "unsafe_image_path"


CONDITIONS: dict[RejectCode, str] = {
    RejectCode.BAD_QUOTES: (
        "A quote opens a cell and none closes it with a delimiter or line end right behind, "
        "or only after more than 1,000 lines or 2 MiB."
    ),
    RejectCode.RAGGED_ROW: "The row has more or fewer cells than the header.",
    RejectCode.NOT_UTF8: "A cell of the feature table holds bytes that are not UTF-8.",
    RejectCode.NUL_BYTE: "A cell of the feature table holds a NUL byte.",
    RejectCode.REPEATED_HEADER: "Each cell of the feature table holds its column's name, as where files were joined.",
    RejectCode.MISSING_LABEL: "The label's cell is empty.",
    RejectCode.BAD_LABEL: (
        "The label is a value other than 0 and 1; of aggregated rows, clicks that are no whole number from 0 on."
    ),
    RejectCode.BAD_IMPRESSIONS: "Of aggregated rows: the impressions are missing or no whole number from 0 on.",
    RejectCode.TOO_MANY_CLICKS: "Of aggregated rows: there are more clicks than impressions.",
    RejectCode.MISSING_REQUIRED: "The cell of a feature with `required: true` is empty.",
    RejectCode.BAD_NUMBER: "The cell of a numeric, bucketized or weight feature is no finite decimal number.",
    RejectCode.OUT_OF_RANGE: (
        "The number lies below the feature's `minimum` or above its `maximum`, or a weight is negative."
    ),
    RejectCode.BAD_TIMESTAMP: "The cell of a timestamp feature is no time in the feature's `format`.",
    RejectCode.UNSAFE_IMAGE_PATH: (
        "The image path is absolute, has a URL scheme or backslash, or climbs out of the image root with `..`."
    ),
}
