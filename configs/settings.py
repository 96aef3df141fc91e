"""The one settings type: everything a run can be told, with units in the names and ranges in the types."""

from __future__ import annotations

import posixpath
import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from components.example_gen.reject_codes import RejectCode
from configs.anomalies import AnomalyLimits
from configs.evaluation import Evaluation
from configs.features import FeatureTable, Ignore, Key, Label
from configs.kubeflow import Kubeflow
from configs.nearest import likeliest
from configs.section import Section
from configs.submission import Submission
from configs.tuning import Tuner, check_space

STORE_FOLDER = re.compile(r"(s3|gs)://[^/?#]+(/[^?#]*)?")
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Split(Section):
    """Which rows are set aside for evaluation. A split never looks at the whole record."""

    by: Literal["time", "hash", "column"] = "time"
    """`time`: the newest rows; `hash`: all rows of a key on one side; `column`: the CSV says it."""
    eval_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    column: str | None = None
    """The key to hash, or the column that names the split."""
    eval_values: tuple[str, ...] = ("eval",)
    """Values of `column` that mean evaluation; all others mean training."""

    @model_validator(mode="after")
    def _column_named(self) -> Split:
        if self.by != "time" and not self.column:
            raise ValueError(
                f"data.split.column is missing: split by {self.by!r} needs the name of a feature of kind 'key'"
            )
        return self


class RowLimits(Section):
    """How many rejected rows a run bears before it stops."""

    max_rejected_share: Share = 0.01
    max_rejected_share_by_reason: dict[str, Share] = Field(default_factory=dict)
    min_rows: int = Field(default=100, ge=1)

    @model_validator(mode="after")
    def _reasons_known(self) -> RowLimits:
        codes = [code.value for code in RejectCode]
        unknown = sorted(set(self.max_rejected_share_by_reason) - set(codes))
        if unknown:
            raise ValueError(
                f"data.limits.max_rejected_share_by_reason names {unknown[0]!r}; the reasons are {', '.join(codes)}"
            )
        return self


class Data(Section):
    """Where the impressions lie and how they are read."""

    root: str = "data/sample/data"
    pattern: str = "month-{SPAN}/*.csv*"
    """Files below root. `{SPAN}`, or `{YYYY}` and `{MM}` with or without `{DD}`, tells the span; without, there is one.

    `{VERSION}`: the highest of a span counts.
    """
    spans: Literal["all", "latest"] | Annotated[int, Field(ge=1)] = "all"
    """All spans, the latest one, or the latest N."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    negative_sampling_rate: float = Field(default=1.0, gt=0.0, le=1.0)
    """Share of the impressions without a click that the files hold; 1: all. Served probabilities are corrected."""
    split: Split = Split()
    limits: RowLimits = RowLimits()
    shard_mb: int = Field(default=64, ge=1, le=4096)

    @model_validator(mode="after")
    def _pattern_clear(self) -> Data:
        known = ("SPAN", "VERSION", "YYYY", "MM", "DD")
        found = re.findall(r"\{([^{}]*)\}", self.pattern)
        unknown = next((name for name in found if name not in known), None)
        if unknown is not None:
            raise ValueError(
                f"data.pattern has {{{unknown}}}; the placeholders are {', '.join(f'{{{name}}}' for name in known)}"
            )
        dates = [name for name in ("YYYY", "MM", "DD") if name in found]
        if "SPAN" in found and dates:
            raise ValueError(f"data.pattern has both {{SPAN}} and {{{dates[0]}}}: keep one of them to number the spans")
        if dates not in ([], ["YYYY", "MM"], ["YYYY", "MM", "DD"]):
            raise ValueError(
                f"data.pattern has {{{dates[0]}}} alone: a span's date is {{YYYY}} and {{MM}}, with or without {{DD}}"
                if len(dates) == 1
                else "data.pattern has a date with a gap: a span's date is {YYYY} and {MM}, with or without {DD}"
            )
        if "VERSION" in found and "SPAN" not in found and not dates:
            raise ValueError("data.pattern has {VERSION} without a span: add {SPAN}, or {YYYY} and {MM}")
        if not self.delimiter.isascii() or self.delimiter in '"\r\n\0':
            raise ValueError(
                f"data.delimiter is {self.delimiter!r}; give one ASCII character that is no quote and no line end"
            )
        return self


class Creatives(Section):
    """How images are read, checked and stored: once per creative."""

    root: str | None = None
    """Folder that image paths are relative to; none: data.root."""
    image_px: int = Field(default=64, ge=16, le=512)
    """Side of the square that each image is normalised to."""
    max_file_bytes: int = Field(default=20_000_000, ge=1)
    max_image_pixels: int = Field(default=25_000_000, ge=1)
    formats: tuple[Literal["PNG", "JPEG", "GIF", "BMP"], ...] = ("PNG", "JPEG", "GIF", "BMP")
    """Of those that TensorFlow decodes, in training and in serving."""
    max_unusable_share: Share = 0.05
    """Share of distinct creatives that may be missing, corrupt or refused."""


class SchemaSource(Section):
    """The schema that statistics are validated against."""

    source: Literal["table", "inferred", "file"] = "table"
    """`table`: from the feature table; `inferred`: from the training statistics; `file`: curated by hand."""
    file: str | None = None
    min_presence: Share = 0.0
    """With `table`: least share of rows in which an optional feature must be present."""

    @model_validator(mode="after")
    def _file_named(self) -> SchemaSource:
        if (self.source == "file") != (self.file is not None):
            raise ValueError("schema.file goes with schema.source 'file' and with no other: set both or neither")
        return self


class Transform(Section):
    """How raw columns become model inputs. Both engines give the same graph and the same values."""

    engine: Literal["columns", "beam"] = "columns"
    """`columns`: in this process, from Arrow columns; `beam`: TFX's Transform, for data that outgrows a machine."""


class ImageTower(Section):
    """What the model makes of a creative's pixels."""

    statistics: bool = True
    """Colour, contrast and edge statistics go into the embedding."""
    filters: tuple[int, ...] = ()
    """Channels of stride-2 convolutions beside; empty: statistics only."""
    features: int = Field(default=24, ge=0, le=64)
    """Principal components of the statistics, for effects of the creative on its own and by a feature's value."""
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1

    @model_validator(mode="after")
    def _sees_something(self) -> ImageTower:
        if not self.statistics and not self.filters:
            raise ValueError(
                "model.image_tower has neither statistics nor filters: keep one, or set model.use_images to false"
            )
        return self


class Model(Section):
    """What predicts the click."""

    kind: Literal["logistic", "wide_deep", "deepfm", "dcn_v2"] = "dcn_v2"
    """Each has a weight per value and for the creative's features: `logistic` nothing else, `wide_deep` a deep tower
    beside, `deepfm` that and products of pairs, `dcn_v2` that and cross layers."""
    cross_layers: int = Field(default=2, ge=0, le=8)
    """Of `dcn_v2`."""
    deep_units: tuple[int, ...] = (32,)
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    layer_prior: float = Field(default=10.0, ge=0.0)
    """Strength of the Gaussian prior on dense, cross and convolution kernels, in pseudo-observations."""
    embedding_prior: float = Field(default=60.0, ge=0.0)
    """Strength of the Gaussian prior on embeddings and on the values' weights, in pseudo-observations; where it is
    estimated, at most so much on embeddings."""
    estimate_priors: bool = True
    """As the training rows suggest (trainer/effect_prior.py, trainer/effect_variances.py)."""
    embedding_prior_ratio: float = Field(default=8.0, gt=0.0)
    """How much stronger the estimated prior is on embeddings than on the values' weights."""
    paired_effects: bool = True
    """Weights for the combinations of two features' values, and slopes by value in a number or in the creative's
    features, where the rows show that they act together (trainer/paired_effects.py). Not for `logistic`."""
    use_images: bool = True
    image_tower: ImageTower = ImageTower()


class Trainer(Section):
    """How the model is fitted. Epochs, never steps."""

    epochs: int = Field(default=8, ge=1)
    batch_size: int = Field(default=512, ge=1)
    learning_rate: float = Field(default=5e-3, gt=0.0)
    warmup_share: Share = 0.1
    weight_averaging: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.99
    """Decay of the exponential moving average of the weights, per step; 0 turns it off."""
    stopping_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """Share of the training rows set aside to stop early on; never rows of the eval split."""
    patience_epochs: int = Field(default=4, ge=1)
    min_steps: int = Field(default=500, ge=0)
    """Of all epochs together: where rows are few, an epoch passes over them several times."""
    refit: bool = True
    """Having learnt when to stop, train again as long on all rows, those set aside too."""
    warm_start: str | None = None
    """Folder of a model version to take first weights from, also s3:// or gs://; values new to it start afresh."""
    calibrate_slope: bool = True
    """Stretch or shrink the logits as the rows set aside suggest."""
    seed: int = 7
    mixed_precision: Literal["auto", "off"] = "auto"
    """`auto`: where there is a GPU."""


class Canary(Section):
    """How a blessed candidate is served and asked before it is pushed."""

    enabled: bool = True
    max_batch_rows: int = Field(default=1000, ge=1, le=100_000)
    """Rows of the largest request that it has to answer."""
    max_p99_ms: float = Field(default=250.0, gt=0.0)
    """Greatest 99th percentile of the time that one row takes, over gRPC and over REST."""
    start_timeout_s: float = Field(default=120.0, gt=0.0)
    """Longest wait until the model server has taken the candidate into service."""


class Push(Section):
    """Where a blessed model goes."""

    root: str | None = None
    """Folder of the models' folders, also s3:// or gs://; none: `serving` below the output root."""
    model_name: str = Field(default="adclick", pattern=r"^[a-z][a-z0-9_-]*$")
    keep_versions: int = Field(default=5, ge=2)
    """Newest versions that a push leaves in the folder; some older ones are never removed."""


class Settings(Section):
    """Everything a run can be told."""

    pipeline_name: str = Field(default="adclick", pattern=r"^[a-z][a-z0-9-]*$")
    output_root: str = "out"
    pipeline_root: str | None = None
    """Folder of the artifacts, also s3:// or gs://; none: `pipeline_root` below the output root."""
    data: Data = Data()
    creatives: Creatives = Creatives()
    features: FeatureTable
    # `schema` is a name of pydantic's own, so the field has another one and the YAML key stays `schema`
    schema_source: SchemaSource = Field(default=SchemaSource(), alias="schema")
    anomalies: AnomalyLimits = AnomalyLimits()
    transform: Transform = Transform()
    model: Model = Model()
    trainer: Trainer = Trainer()
    tuner: Tuner = Tuner()
    evaluation: Evaluation = Evaluation()
    canary: Canary = Canary()
    push: Push = Push()
    kubeflow: Kubeflow = Kubeflow()
    submission: Submission = Submission()

    @model_validator(mode="after")
    def _places_usable(self) -> Settings:
        if "://" in self.output_root:
            raise ValueError(
                f"output_root is {self.output_root!r}, but metadata.db, logs and reports need a local folder: "
                "name one, and set pipeline_root and push.root to keep artifacts and models in a store"
            )
        for key, place in (("pipeline_root", self.pipeline_root), ("push.root", self.push.root)):
            if place is not None and "://" in place and not STORE_FOLDER.fullmatch(place):
                raise ValueError(f"{key} is {place!r}: write it as s3://bucket/folder or gs://bucket/folder, or a path")
        return self

    @model_validator(mode="after")
    def _names_known(self) -> Settings:
        split = self.data.split
        if split.by == "time" and self.features.timestamp is None:
            raise ValueError(
                "data.split.by is 'time', but no feature has kind 'timestamp': name one, or split by 'hash' or 'column'"
            )
        if split.column is not None:
            self._need(split.column, "data.split.column")
            if not isinstance(self.features[split.column], Key):
                raise ValueError(
                    f"data.split.column is {split.column!r}, which the model sees: give that feature kind 'key' and, "
                    "if the model needs it too, a copy of the column under another name"
                    if split.by == "column"
                    else f"data.split.column is {split.column!r} of kind {self.features[split.column].kind!r}; "
                    "it must be of kind 'key'"
                )
            if split.by == "column" and self.features[split.column].pii is not None:
                raise ValueError(
                    f"data.split.column is {split.column!r}, whose pii: hash leaves no value to compare eval_values "
                    "with: split by 'hash', or take pii away"
                )
        for columns in self.evaluation.slices:
            for slice_column in columns:
                column = slice_column.removeprefix("known:")
                if column == "span" and "span" not in self.features:
                    continue
                self._need(column, "evaluation.slices")
                if isinstance(self.features[column], Label):
                    raise ValueError(
                        f"evaluation.slices names the label {column!r}: slice by what is known before the click"
                    )
        if self.schema_source.source != "file":  # a curated schema may have features that the table lacks
            for field, name in self.anomalies.named_features():
                self._need(name, field)
                if isinstance(self.features[name], Ignore):
                    raise ValueError(f"{field} names {name!r} of kind 'ignore', which no check looks at: take it out")
        return self

    @model_validator(mode="after")
    def _space_known(self) -> Settings:
        check_space(self.tuner.space, {"model": self.model, "trainer": self.trainer})
        return self

    def _need(self, name: str, field: str) -> None:
        if name in self.features and self.features[name].pii == "drop":
            raise ValueError(f"{field} names {name!r}, which pii: drop leaves out: name another, or use pii: hash")
        if name not in self.features:
            names = [feature.name for feature in self.features]
            known = f"({', '.join(names)}){likeliest(name, names)}"
            raise ValueError(f"{field} names {name!r}, which is not in the feature table {known}")

    @property
    def image_root(self) -> str:
        """Folder that image paths are relative to."""
        return self.creatives.root or self.data.root

    @property
    def truth_uri(self) -> str | None:
        """Folder with the known click probabilities; none where there is none or it would lie outside the bucket."""
        truth = self.evaluation.truth
        if truth is None or "://" in truth:
            return truth
        before, separator, root = self.data.root.rpartition("://")
        if not separator:
            return f"{root.rstrip('/')}/{truth}"
        key = posixpath.normpath(f"{root}/{truth}")  # a store's keys know no `..`
        return before + separator + key if key.startswith(root.partition("/")[0] + "/") else None
