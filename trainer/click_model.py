"""The click model: towers over columns and the creative's embedding, with a linear term beside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from configs.features import EMBEDDED_KINDS, AnyFeature, Bucketized, Categorical, FeatureTable, Hashed, Text
from configs.settings import Model
from trainer.cross_network import CrossLayer
from trainer.effect_prior import WEAKEST
from trainer.paired_effects import PairedEffect
from trainer.pairwise_products import PairwiseProducts


class EmbeddedFeature(NamedTuple):
    """A feature that becomes an embedding."""

    name: str
    size: int
    """Rows of the table, those for rare, for new and for missing values included."""
    dim: int
    is_text: bool
    of_vocabulary: bool = False
    """Whether the last rows are of rare values, of values that training has not seen, and of missing cells."""

    @property
    def places_unseen(self) -> tuple[int, ...]:
        """Rows that training need not have taught: of new values, and of missing cells."""
        return (self.size - 2, self.size - 1) if self.of_vocabulary else ()


def embedded_features(table: FeatureTable, vocabulary_sizes: Mapping[str, int]) -> list[EmbeddedFeature]:
    """Embedded features in the table's order; `vocabulary_sizes` by categorical feature, of frequent values."""
    return [
        EmbeddedFeature(
            feature.name,
            _table_size(feature, vocabulary_sizes),
            feature.embedding_dim,
            isinstance(feature, Text),
            isinstance(feature, Categorical),
        )
        for feature in table.of_kind(*EMBEDDED_KINDS)
    ]


def _table_size(feature: AnyFeature, vocabulary_sizes: Mapping[str, int]) -> int:
    if isinstance(feature, Categorical):
        return vocabulary_sizes[feature.name] + 3  # rare, new, missing
    if isinstance(feature, Bucketized):
        return feature.buckets + 1
    if isinstance(feature, Hashed | Text):
        return feature.buckets
    raise TypeError(f"feature {feature.name!r} of kind {feature.kind!r} has no embedding")


class ClickModel(keras.Model):
    """logit = bias + Σ weights + w · towers(x), with x the numbers, embeddings and creative side by side.

    Every kind has a weight for each number and for each value of an embedded feature, the wide part of Cheng et al.
    2016, arXiv:1606.07792, one for having a creative, and weights for the pairs and the creative's components in
    `effects`, its crossed columns.
    The towers are, by `settings.kind`:

    - logistic: none;
    - wide_deep: the creative as it is, and dense layers over x;
    - deepfm: those, and products of pairs of embeddings, numbers and creative counting as one each (Guo et al. 2017,
      arXiv:1703.04247);
    - dcn_v2: cross layers and dense layers over x in parallel, as in figure 1(b) of Wang et al. 2021, "DCN V2",
      doi 10.1145/3442381.3450078.
    """

    def __init__(
        self,
        dense: list[str],
        embedded: list[EmbeddedFeature],
        settings: Model,
        bias: float,
        rows: int,
        seed: int,
        effect_priors: Mapping[str, float] | None = None,
        effects: Sequence[PairedEffect] = (),
        creative_features: int = 0,
        creative_in_towers: bool = True,
    ) -> None:
        """`bias`: logit of the training click rate. `rows`: training rows, which share the embeddings' prior.

        `effects`: of pairs and of the creative's features, which are `creative_features` and come behind its embedding.

        `creative_in_towers`: whether the towers see the creative's embedding, or the wide part alone the creative.

        `effect_priors`: strengths for the values' weights by feature; `settings.embedding_prior` for those it lacks.
        """
        super().__init__()
        self._kind = settings.kind
        self._dense_names = dense
        self._embedded = embedded
        strengths = dict(effect_priors or {})

        def prior(strength: float) -> keras.regularizers.Regularizer:
            return keras.regularizers.L2(strength / max(rows, 1))

        self._tables = {
            one.name: keras.layers.Embedding(
                one.size,
                one.dim,
                embeddings_initializer=keras.initializers.RandomNormal(stddev=0.1, seed=seed + index),
                embeddings_regularizer=prior(
                    min(settings.embedding_prior, settings.embedding_prior_ratio * strengths.get(one.name, math.inf))
                ),
            )
            for index, one in enumerate(embedded)
            if settings.kind != "logistic"
        }
        self._weights_of = {
            one.name: keras.layers.Embedding(
                one.size,
                1,
                embeddings_initializer="zeros",
                embeddings_regularizer=prior(strengths.get(one.name, settings.embedding_prior)),
            )
            for one in embedded
        }
        sizes = {one.name: one.size for one in embedded}
        self._effects = list(effects)
        self._creative_features = creative_features
        self._creative_in_towers = creative_in_towers and settings.kind != "logistic"
        self._effect_weights = [
            keras.layers.Embedding(
                sizes.get(one.first, 1) * sizes.get(one.second, 1),
                1 if one.second else creative_features,
                embeddings_initializer="zeros",
                embeddings_regularizer=prior(one.prior),
            )
            for one in self._effects
        ]
        self._sizes = sizes
        crosses = settings.cross_layers if settings.kind == "dcn_v2" else 0
        of_layers = settings.layer_prior / max(rows, 1)
        self._crosses = [CrossLayer(of_layers, seed + index) for index in range(crosses)]
        self._pairs = PairwiseProducts(of_layers, seed) if settings.kind == "deepfm" else None
        # Towers are held to zero harder than a number's plain effect, which few clicks may show clearly.
        self._direct = (
            keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", kernel_regularizer=prior(WEAKEST))
            if dense
            else None
        )
        self._flag = keras.layers.Dense(
            1, use_bias=False, kernel_initializer="zeros", kernel_regularizer=prior(WEAKEST)
        )
        self._deep = [
            keras.layers.Dense(
                units,
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(seed=seed + index),
                kernel_regularizer=prior(settings.layer_prior),
            )
            for index, units in enumerate(settings.deep_units if settings.kind != "logistic" else ())
        ]
        self._dropout = keras.layers.Dropout(settings.dropout, seed=seed)
        self._out = keras.layers.Dense(
            1,
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
            kernel_regularizer=prior(settings.layer_prior),
            bias_initializer=keras.initializers.Constant(bias),
            dtype="float32",
        )

    def call(
        self, inputs: Mapping[str, tf.Tensor], creative: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """inputs: transformed columns, [batch] each (text: ragged [batch, (words)]).

        creative: [batch, dim + features + 1], as with_flag gives it: embedding, components, flag.

        Returns logits [batch].
        """
        numbers = (
            [tf.stack([tf.cast(inputs[name], tf.float32) for name in self._dense_names], -1)]
            if self._dense_names
            else []
        )
        components = None
        if creative is not None and self._creative_features:
            at = creative.shape[-1] - 1 - self._creative_features
            components = creative[:, at:-1]  # [B, features]
            creative = tf.concat([creative[:, :at], creative[:, -1:]], -1)
        creatives = [creative] if creative is not None and self._creative_in_towers else []
        embeddings = [_embed(table, inputs[name]) for name, table in self._tables.items()]
        wide = [_embed(table, inputs[name]) for name, table in self._weights_of.items()]
        wide += [
            self._effect(one, table, inputs, components)
            for one, table in zip(self._effects, self._effect_weights, strict=True)
        ]
        if creative is not None:
            wide.append(self._flag(creative[:, -1:]))
        towers = []
        if self._kind == "dcn_v2":
            features = tf.concat(numbers + embeddings + creatives, -1)  # [B, d]
            crossed = features
            for layer in self._crosses:
                crossed = layer((features, crossed))
            towers.append(crossed)
        else:
            towers += creatives
        if self._deep or self._kind == "dcn_v2":
            deep = tf.concat(numbers + embeddings + creatives, -1)
            for layer in self._deep:
                deep = self._dropout(layer(deep), training=training)
            towers.append(deep)
        if self._pairs is not None:
            towers.append(self._pairs(embeddings + numbers + creatives))
        linear = wide if self._direct is None else [*wide, self._direct(numbers[0])]
        # Without a tower the output has its bias alone; a product over no column at all ends oneDNN's process.
        logits = self._out(tf.concat(towers or [tf.zeros_like(linear[0])], -1))  # [B, 1]
        if linear:
            logits = tf.cast(logits, tf.float32) + tf.cast(tf.add_n(linear), tf.float32)
        return tf.squeeze(logits, -1)

    def _effect(
        self,
        effect: PairedEffect,
        weights: keras.layers.Embedding,
        inputs: Mapping[str, tf.Tensor],
        components: tf.Tensor | None,
    ) -> tf.Tensor:
        """Returns [batch, 1]."""
        if effect.second in self._sizes:
            return weights(inputs[effect.first] * self._sizes[effect.second] + inputs[effect.second])
        if effect.second:
            return weights(inputs[effect.first]) * _column(inputs[effect.second])
        if components is None:
            raise ValueError("an effect of the creative needs the creative's features")
        if effect.first in self._sizes:
            return _product(weights(inputs[effect.first]), components)
        own = _product(weights(tf.zeros([1], tf.int64)), components)
        return own * _column(inputs[effect.first]) if effect.first else own

    @property
    def effects(self) -> list[PairedEffect]:
        """Of pairs and of the creative, in order."""
        return list(self._effects)

    @property
    def effect_weights(self) -> list[keras.layers.Embedding]:
        """As `effects`: [values of first · values of second, 1], or [values of first, creative's features].

        A number has one value, and its weights are slopes.
        """
        return list(self._effect_weights)

    @property
    def embedded(self) -> list[EmbeddedFeature]:
        """In order."""
        return list(self._embedded)

    def values_of(self, name: str) -> int:
        """Of an embedded feature, rare and new ones included; 1 of a number, or of the creative."""
        return self._sizes.get(name, 1)

    @property
    def has_towers(self) -> bool:
        """Whether there is anything to train beside the wide part."""
        return self._kind != "logistic"

    @property
    def creative_in_towers(self) -> bool:
        """Whether the creative's embedding matters."""
        return self._creative_in_towers

    def wide_variables(self, with_creative: bool) -> list[tf.Variable]:
        """Of a model that has been called: numbers', values', the flag's where rows have creatives, effects'."""
        found = [] if self._direct is None else [self._direct.kernel]
        found += [table.embeddings for table in self._weights_of.values()]
        found += [self._flag.kernel] if with_creative else []
        return found + [table.embeddings for table in self._effect_weights]

    @property
    def bias(self) -> tf.Variable:
        """[1], of a model that has been called."""
        return self._out.bias

    @property
    def kind(self) -> str:
        """Of settings.Model."""
        return self._kind

    @property
    def numbers(self) -> list[str]:
        """Names of the dense inputs, in order."""
        return list(self._dense_names)

    @property
    def widths(self) -> list[tuple[str, int]]:
        """Name and width of each embedding, in order."""
        return [(one.name, one.dim) for one in self._embedded]

    @property
    def value_weights(self) -> dict[str, keras.layers.Embedding]:
        """The one-dimensional weights by feature."""
        return dict(self._weights_of)

    @property
    def value_embeddings(self) -> dict[str, keras.layers.Embedding]:
        """The embeddings by feature; none for `logistic`."""
        return dict(self._tables)

    def towers(self) -> dict[str, keras.layers.Layer]:
        """All other layers by a name that a later model of the same settings has too."""
        found = {f"cross_{index}": layer for index, layer in enumerate(self._crosses)}
        found.update({f"deep_{index}": layer for index, layer in enumerate(self._deep)})
        if self._pairs is not None:
            found["pairs"] = self._pairs
        if self._direct is not None:
            found["direct"] = self._direct
        if self._flag.built:
            found["flag"] = self._flag
        return {**found, "out": self._out}

    def blend(self, bias: float, wide: Sequence[npt.NDArray[np.float64]], share: float) -> None:
        """Becomes (1 - share) · logits of that wide part alone + share · its own. `wide`: as `wide_variables`."""
        self._out.kernel.assign(share * self._out.kernel)
        self.bias.assign([(1.0 - share) * bias] + share * self.bias)
        for variable, weights in zip(self.wide_variables(self._flag.built), wide, strict=True):
            variable.assign((1.0 - share) * weights.reshape(variable.shape).astype(np.float32) + share * variable)

    def multiply_logits(self, factor: float) -> None:
        """Folds a factor into the weights, so that serving need not know of it."""
        for variable in [*self._out.variables, *self.wide_variables(self._flag.built)]:
            variable.assign(variable * factor)


def _column(number: tf.Tensor) -> tf.Tensor:
    return tf.cast(number, tf.float32)[:, tf.newaxis]


def _product(weights: tf.Tensor, components: tf.Tensor) -> tf.Tensor:
    """Scalar products, [batch, 1]."""
    return tf.reduce_sum(tf.cast(weights, tf.float32) * components, -1, keepdims=True)


def _embed(table: keras.layers.Embedding, ids: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    """[batch] ids to [batch, dim]; ragged words to the sum of their embeddings over √words, zeros for none.

    As TensorFlow's combiner `sqrtn`: of independent words it spreads as far as one word's. A mean would shrink what
    each word says of a long text, and a sum would let long texts run away.
    """
    if isinstance(ids, tf.RaggedTensor):
        total = tf.reduce_sum(table(ids), axis=1)
        words = tf.cast(ids.row_lengths(), total.dtype)[:, tf.newaxis]
        return total * tf.math.rsqrt(tf.maximum(words, 1))
    return table(ids)
