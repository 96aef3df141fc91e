"""Statistics as TensorFlow Data Validation leaves them in files."""

from __future__ import annotations

import re

from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import statistics_pb2

from adclick.errors import DataError
from adclick.filesystem import list_files, read_bytes

SPAN_FILE = re.compile(r"span-(\d+)/FeatureStats\.pb")
ALL_ROWS = "All Examples"
"""TFDV's name for the slice that holds every row."""


class StatisticsError(ValueError):
    """A file holds no statistics that anything could be compared with."""


def spans_below(uri: str) -> dict[int, str]:
    """Span number to file, of a SpanStatistics artifact; empty where its folder is gone."""
    try:
        files = list_files(uri, SPAN_FILE)
    except DataError:
        return {}
    return {int(file.path.split("/")[0].removeprefix("span-")): file.uri for file in files}


def read_statistics(uri: str) -> statistics_pb2.DatasetFeatureStatistics:
    """Statistics over all rows of a `.pb`, `.pbtxt` or `.tfrecord` file.

    Raises StatisticsError where the file is missing, holds something else, or statistics over no rows.
    """
    found = statistics_pb2.DatasetFeatureStatisticsList()
    try:
        if uri.endswith(".pbtxt"):
            text_format.Parse(read_bytes(uri), found)
        elif uri.endswith(".tfrecord"):
            found = _only_record(uri)
        else:
            found.ParseFromString(read_bytes(uri))
    except OSError as error:
        raise StatisticsError(f"cannot be read: {error.strerror or error}") from None
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise StatisticsError(f"holds no DatasetFeatureStatisticsList: {' '.join(str(error).split())}") from None
    datasets = list(found.datasets)
    whole = datasets if len(datasets) == 1 else [one for one in datasets if one.name == ALL_ROWS]
    if len(whole) != 1:
        raise StatisticsError(f"is empty: it holds no statistics over all rows ({len(datasets)} datasets)")
    if whole[0].num_examples < 1:
        raise StatisticsError("is empty: its statistics are over 0 rows")
    return whole[0]


def _only_record(uri: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    from tensorflow_data_validation.utils.stats_util import load_stats_tfrecord

    read_bytes(uri)  # a missing file is told as of the other formats
    try:
        return load_stats_tfrecord(uri)
    except StopIteration:
        raise StatisticsError("is empty: it holds no record") from None
    except Exception as error:  # whatever TensorFlow's reader finds wrong with the bytes
        raise StatisticsError(f"is no TFRecord file of one DatasetFeatureStatisticsList: {error}") from None
