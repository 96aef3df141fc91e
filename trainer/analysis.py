"""What preprocessing needs to know of the training rows: moments, quantile boundaries, vocabularies.

Two ways to know it. `InGraph` leaves TFT's analyzers in the graph, and Beam computes them on as many machines as it is
given. `Known` holds what a pass over Arrow columns found (components/transform/column_analysis.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import tensorflow as tf
import tensorflow_transform as tft

from configs.features import Bucketized, Categorical, Numeric

QUANTILE_ERROR = 0.01
GRID_ERROR = 0.002
GRID_BUCKETS = 50
"""Of a number's values: the outermost fiftieths are what its grid leaves out."""


def vocabulary_name(name: str) -> str:
    """Name under which TFTransformOutput knows the vocabulary of a categorical feature."""
    return f"vocabulary_{name}"


def seen_name(name: str) -> str:
    """Likewise, of every value that training has seen, the rare ones behind the vocabulary's."""
    return f"seen_{name}"


class Analysis(Protocol):
    """`values` are a feature's present values, [present]."""

    def moments(self, feature: Numeric, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and variance of the values; NaN where there are none. Each []."""

    def grid(self, feature: Numeric, values: tf.Tensor) -> tf.Tensor:
        """Quantile boundaries, float32 [1, GRID_BUCKETS - 1]; zeros where there are no values."""

    def boundaries(self, feature: Bucketized, values: tf.Tensor) -> tf.Tensor:
        """Quantile boundaries, float32 [1, buckets - 1]."""

    def vocabulary(self, feature: Categorical, values: tf.Tensor) -> Any:
        """File of the values that are frequent enough, the most frequent first."""

    def seen(self, feature: Categorical, values: tf.Tensor) -> Any:
        """File of the values, the most frequent first, `vocabulary_size` at most; the vocabulary is its first part."""


class InGraph:
    """TFT's analyzers."""

    def moments(self, feature: Numeric, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:  # noqa: ARG002 - for `Known`
        """See Analysis."""
        return tft.mean(values), tft.var(values)

    def grid(self, feature: Numeric, values: tf.Tensor) -> tf.Tensor:  # noqa: ARG002 - for `Known`
        """See Analysis."""
        return tft.quantiles(values, GRID_BUCKETS, epsilon=GRID_ERROR)

    def boundaries(self, feature: Bucketized, values: tf.Tensor) -> tf.Tensor:
        """See Analysis."""
        return tft.quantiles(values, feature.buckets, epsilon=QUANTILE_ERROR)

    def vocabulary(self, feature: Categorical, values: tf.Tensor) -> Any:
        """See Analysis."""
        return tft.vocabulary(
            values,
            top_k=feature.vocabulary_size,
            frequency_threshold=feature.min_count,
            vocab_filename=vocabulary_name(feature.name),
        )

    def seen(self, feature: Categorical, values: tf.Tensor) -> Any:
        """See Analysis."""
        return tft.vocabulary(values, top_k=feature.vocabulary_size, vocab_filename=seen_name(feature.name))


class Known(NamedTuple):
    """Results by feature name."""

    means_and_variances: Mapping[str, tuple[float, float]]
    grids: Mapping[str, list[float]]
    """Of numbers."""
    quantiles: Mapping[str, list[float]]
    vocabulary_files: Mapping[str, str]
    """Local paths, one value a line."""
    seen_files: Mapping[str, str]
    """Likewise."""

    def moments(self, feature: Numeric, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:  # noqa: ARG002 - for `InGraph`
        """See Analysis."""
        mean, variance = self.means_and_variances[feature.name]
        return tf.constant(mean, tf.float32), tf.constant(variance, tf.float32)

    def grid(self, feature: Numeric, values: tf.Tensor) -> tf.Tensor:  # noqa: ARG002 - for `InGraph`
        """See Analysis."""
        return tf.constant([self.grids[feature.name]], tf.float32)

    def boundaries(self, feature: Bucketized, values: tf.Tensor) -> tf.Tensor:  # noqa: ARG002 - for `InGraph`
        """See Analysis."""
        return tf.constant([self.quantiles[feature.name]], tf.float32)

    def vocabulary(self, feature: Categorical, values: tf.Tensor) -> Any:  # noqa: ARG002 - for `InGraph`
        """See Analysis."""
        tft.annotate_asset(vocabulary_name(feature.name), vocabulary_name(feature.name))
        return tf.constant(self.vocabulary_files[feature.name])

    def seen(self, feature: Categorical, values: tf.Tensor) -> Any:  # noqa: ARG002 - for `InGraph`
        """See Analysis."""
        tft.annotate_asset(seen_name(feature.name), seen_name(feature.name))
        return tf.constant(self.seen_files[feature.name])
