"""Artifact types of our own components.

Kubeflow resolves a type by its TYPE_NAME as an import path with exactly one dot, so each name is `adclick.<Class>` and
the package `adclick` finds the class here. Declared PROPERTIES do not survive that route: custom properties carry the
rest.
"""

from __future__ import annotations

from tfx.types.artifact import Artifact


class Columns(Artifact):
    """Arrow files of the accepted rows, by split and span: what the Examples hold, without decoding."""

    TYPE_NAME = "adclick.Columns"


class IngestReport(Artifact):
    """counts.json, rejects.csv and creatives.csv: what was read, refused and referred to."""

    TYPE_NAME = "adclick.IngestReport"


class CreativeStore(Artifact):
    """keys.json, pixels.npy, unusable.csv and counts.json: each distinct creative once, normalised."""

    TYPE_NAME = "adclick.CreativeStore"


class SpanStatistics(Artifact):
    """span-<number>/FeatureStats.pb for the newest two spans that a run read: statistics over all rows of a span."""

    TYPE_NAME = "adclick.SpanStatistics"


class GateVerdict(Artifact):
    """verdict.json: what the data gate saw and decided."""

    TYPE_NAME = "adclick.GateVerdict"


class RunSummary(Artifact):
    """summary.json: the run in figures."""

    TYPE_NAME = "adclick.RunSummary"
