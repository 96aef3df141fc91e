"""Clicks predicted in production: monthly CSVs and creatives to a served click probability."""

from __future__ import annotations

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Artifact types under the names that Kubeflow imports them by, without importing TFX before that."""
    if name[:1].isupper():
        from components import artifacts

        if hasattr(artifacts, name):
            return getattr(artifacts, name)
    raise AttributeError(f"module 'adclick' has no attribute {name!r}")
