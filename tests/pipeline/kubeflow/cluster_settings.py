"""The least that a cluster needs of the settings."""

from __future__ import annotations

CLUSTER = (
    "kubeflow.image=registry.example.com/adclick:1.0",
    "data.root=s3://clicks/data",
    "pipeline_root=s3://clicks/pipeline",
    "push.root=s3://clicks/models",
)
