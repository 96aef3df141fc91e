"""The feature table: one typed entry per CSV column, read by every room of the pipeline.

CSV parsing, schema, transform, model inputs and serving requests all follow this table; nothing else names a column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeVar, Union, overload

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from adclick.privacy import HASHED_SUFFIX

FeatureName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=100)]


class _Entry(BaseModel):
    """What every kind of feature has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: FeatureName
    required: bool = False
    """A row whose cell is empty is rejected; otherwise an empty cell is a missing value."""
    description: str = ""
    pii: Literal["hash", "drop"] | None = None
    """Personal data: `hash` keeps a keyed hash of the value, `drop` leaves the column out."""

    @property
    def request_name(self) -> str:
        """Name of the input in the `predict` signature; it says so where a hash is wanted instead of the value."""
        return f"{self.name}{HASHED_SUFFIX}" if self.pii == "hash" else self.name


class Numeric(_Entry):
    """A number, standardised and clipped, with a flag where it is missing."""

    kind: Literal["numeric"]
    transform: Literal["identity", "log", "logit"] = "identity"
    """`log` is log(1 + x) for money and counts; `logit` is log(p / (1 - p)) for rates."""
    minimum: float | None = None
    maximum: float | None = None
    default: float | None = None
    """Value of a missing cell; without one the training mean stands in."""


class Bucketized(_Entry):
    """A number cut into quantile buckets of the training rows, each embedded."""

    kind: Literal["bucketized"]
    buckets: int = Field(default=10, ge=2, le=1000)
    minimum: float | None = None
    maximum: float | None = None
    default: float | None = None
    embedding_dim: int = Field(default=4, ge=1, le=256)


class Categorical(_Entry):
    """A value of a vocabulary learnt from the training rows; rare values, new ones and empty cells have a row each."""

    kind: Literal["categorical"]
    vocabulary_size: int = Field(default=10_000, ge=1)
    min_count: int = Field(default=5, ge=1)
    """Values seen less often than this in training count as rare, which is not to say new."""
    default: str = ""
    embedding_dim: int = Field(default=4, ge=1, le=256)


class Hashed(_Entry):
    """A value hashed into a fixed number of buckets: no vocabulary pass, collisions possible."""

    kind: Literal["hashed"]
    buckets: int = Field(default=1024, ge=2)
    default: str = ""
    embedding_dim: int = Field(default=4, ge=1, le=256)


class Text(_Entry):
    """Several words in a cell, hashed; the sum of their embeddings over √words."""

    kind: Literal["text"]
    separator: str = Field(default=" ", min_length=1, max_length=1)
    buckets: int = Field(default=16_384, ge=2)
    """Many times the words: one that training has never seen else takes the weight of one that it has."""
    default: str = ""
    embedding_dim: int = Field(default=4, ge=1, le=256)


class Image(_Entry):
    """The creative: a path below the image root, which is also the creative's key.

    At serving, the companion input `<name>_bytes` brings the encoded image of a creative the model does not know.
    """

    kind: Literal["image"]
    embedding_dim: int = Field(default=16, ge=1, le=512)

    @property
    def bytes_name(self) -> str:
        """Name of the companion input that carries encoded image bytes."""
        return f"{self.name}_bytes"


class Timestamp(_Entry):
    """When the impression happened: orders the rows, and gives the hour and the weekday to the model."""

    kind: Literal["timestamp"]
    format: Literal["iso8601", "unix_s"] = "iso8601"
    derive: tuple[Literal["hour", "weekday"], ...] = ("hour", "weekday")
    """Cyclic features (sine and cosine) made of it, in UTC; empty: used for splitting only."""


class Weight(_Entry):
    """How much the row counts in training and evaluation; 1 where missing. Of aggregated rows: their impressions."""

    kind: Literal["weight"]


class Label(_Entry):
    """Clicked (1) or not (0); of aggregated rows the number of clicks."""

    kind: Literal["label"]
    required: bool = True
    impressions: str | None = None
    """The column of kind weight that says how many impressions a row stands for; none: a row is one impression."""


class Key(_Entry):
    """An identifier: carried along, usable for splitting and slicing, never seen by the model."""

    kind: Literal["key"]


class Ignore(_Entry):
    """A column the pipeline knows of and leaves out."""

    kind: Literal["ignore"]


AnyFeature = Union[  # noqa: UP007 - pydantic's discriminator wants the Union spelled out in an Annotated alias
    Numeric, Bucketized, Categorical, Hashed, Text, Image, Timestamp, Weight, Label, Key, Ignore
]
Feature = Annotated[AnyFeature, Field(discriminator="kind")]
_A = TypeVar("_A", bound=_Entry)
_B = TypeVar("_B", bound=_Entry)
_C = TypeVar("_C", bound=_Entry)
_D = TypeVar("_D", bound=_Entry)
_E = TypeVar("_E", bound=_Entry)

STRING_KINDS = (Categorical, Hashed, Text, Image, Key)
FLOAT_KINDS = (Numeric, Bucketized, Weight)
INT_KINDS = (Label, Timestamp)
HASHABLE_KINDS = (Categorical, Hashed, Key)
EMBEDDED_KINDS = (Bucketized, Categorical, Hashed, Text)
KINDS = (
    "numeric",
    "bucketized",
    "categorical",
    "hashed",
    "text",
    "image",
    "timestamp",
    "weight",
    "label",
    "key",
    "ignore",
)


def holds_floats(feature: object) -> bool:
    """Whether the Examples hold an entry's values as floats: numbers, and the click rates of aggregated rows."""
    return isinstance(feature, FLOAT_KINDS) or (isinstance(feature, Label) and feature.impressions is not None)


class FeatureTable(RootModel[tuple[Feature, ...]]):
    """All columns of the CSV, in any order. Raises ValueError where the table contradicts itself."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _private(self) -> FeatureTable:
        for feature in self.root:
            if feature.pii == "hash" and not isinstance(feature, HASHABLE_KINDS):
                raise ValueError(
                    f"feature {feature.name!r} of kind {feature.kind!r} has pii: hash, which goes with the kinds "
                    "categorical, hashed and key; use pii: drop, or another kind"
                )
            if feature.pii == "drop" and isinstance(feature, Label):
                raise ValueError(f"feature {feature.name!r} is the label, which cannot be dropped; take pii away")
            if feature.pii == "hash" and feature.request_name in self:
                raise ValueError(
                    f"feature {feature.request_name!r} is reserved for the hash of {feature.name!r}; rename it"
                )
        return self

    @model_validator(mode="after")
    def _consistent(self) -> FeatureTable:
        names = [feature.name for feature in self.root]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"feature {repeated[0]!r} stands twice in the table; keep one entry")
        for kind, limit in ((Label, (1, 1)), (Image, (0, 1)), (Timestamp, (0, 1)), (Weight, (0, 1))):
            count = len(self.of_kind(kind))
            if not limit[0] <= count <= limit[1]:
                wanted = "exactly one" if limit[0] else "at most one"
                raise ValueError(f"the table has {count} features of kind {kind.__name__.lower()!r}; it needs {wanted}")
        counted = self.label.impressions
        if counted is not None and (self.weight is None or self.weight.name != counted):
            raise ValueError(
                f"feature {self.label.name!r} has impressions: {counted}, which is no column of kind 'weight' that is "
                f"kept; give the table the entry {{name: {counted}, kind: weight}}"
            )
        image = self.image
        if image is not None and image.bytes_name in names:
            raise ValueError(f"feature {image.bytes_name!r} is reserved for the bytes of {image.name!r}; rename it")
        return self

    def __iter__(self) -> Iterator[AnyFeature]:  # type: ignore[override]  # a table is walked by its entries
        """Entries in the table's order, without those that are dropped: nothing but the CSV's header knows of them."""
        return (feature for feature in self.root if feature.pii != "drop")

    def __getitem__(self, name: str) -> AnyFeature:
        """The entry of that name. Raises KeyError naming the table's names."""
        for feature in self.root:
            if feature.name == name:
                return feature
        raise KeyError(f"no feature {name!r}; the table has {', '.join(f.name for f in self.root)}")

    def __contains__(self, name: object) -> bool:
        return any(feature.name == name for feature in self.root)

    # one overload per count, since a checker would join several kinds to their base class
    @overload
    def of_kind(self, kind: type[_A], /) -> tuple[_A, ...]: ...
    @overload
    def of_kind(self, a: type[_A], b: type[_B], /) -> tuple[_A | _B, ...]: ...
    @overload
    def of_kind(self, a: type[_A], b: type[_B], c: type[_C], /) -> tuple[_A | _B | _C, ...]: ...
    @overload
    def of_kind(self, a: type[_A], b: type[_B], c: type[_C], d: type[_D], /) -> tuple[_A | _B | _C | _D, ...]: ...
    @overload
    def of_kind(
        self, a: type[_A], b: type[_B], c: type[_C], d: type[_D], e: type[_E], /
    ) -> tuple[_A | _B | _C | _D | _E, ...]: ...
    def of_kind(self, *kinds: type[_Entry]) -> tuple[_Entry, ...]:
        """Entries of these kinds, in the table's order."""
        return tuple(feature for feature in self if isinstance(feature, kinds))

    @property
    def label(self) -> Label:
        """The label's entry."""
        return self.of_kind(Label)[0]

    @property
    def aggregated(self) -> bool:
        """Whether a row stands for several impressions, so that its label is a rate and its weight their number."""
        return self.label.impressions is not None

    @property
    def image(self) -> Image | None:
        """The creative's entry, if the data has creatives."""
        return next(iter(self.of_kind(Image)), None)

    @property
    def timestamp(self) -> Timestamp | None:
        """The timestamp's entry, if there is one."""
        return next(iter(self.of_kind(Timestamp)), None)

    @property
    def weight(self) -> Weight | None:
        """The sample weight's entry, if there is one."""
        return next(iter(self.of_kind(Weight)), None)

    @property
    def written(self) -> tuple[AnyFeature, ...]:
        """Columns that reach the Examples: all but the ignored ones."""
        return tuple(feature for feature in self if not isinstance(feature, Ignore))

    @property
    def private(self) -> tuple[AnyFeature, ...]:
        """Entries with pii, the dropped ones too: what must not be shown."""
        return tuple(feature for feature in self.root if feature.pii is not None)

    @property
    def hashed_names(self) -> tuple[str, ...]:
        """Names of the features whose values are hashed with the key."""
        return tuple(feature.name for feature in self if feature.pii == "hash")

    @property
    def model_inputs(self) -> tuple[AnyFeature, ...]:
        """Columns the model reads.

        Neither label, weight, key nor ignored, nor a timestamp from which nothing is made.
        """
        return tuple(
            feature
            for feature in self
            if not isinstance(feature, Label | Weight | Key | Ignore)
            and not (isinstance(feature, Timestamp) and not feature.derive)
        )
