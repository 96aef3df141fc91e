"""Settings that no container elsewhere can use are refused before anything is compiled."""

from __future__ import annotations

import re

import pytest
from cluster_settings import CLUSTER

from adclick.errors import SettingsError
from configs.loading import load_settings
from pipeline.kubeflow.places import cluster_places


def test_places_in_stores_and_on_volumes() -> None:
    places = cluster_places(load_settings(None, CLUSTER))
    assert places.pipeline_root == "s3://clicks/pipeline"
    assert places.model_folder == "s3://clicks/models/adclick"
    assert (places.metadata, places.schemas) == (None, None)
    mounted = [*CLUSTER, "kubeflow.volumes=[{claim: c, path: /mnt/ads}]", "data.root=/mnt/ads/in", "push.root=/mnt/ads"]
    assert cluster_places(load_settings(None, mounted)).model_folder == "/mnt/ads/adclick"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("kubeflow.image=''", "kubeflow.image: names no image"),
        ("data.root=data/sample", "data.root: is 'data/sample', a folder of this machine; give s3:// or gs://"),
        ("data.root=/mnt/ads/../other", "data.root: is '/mnt/ads/../other'"),
        ("data.root=/mnt/adsense", "data.root: is '/mnt/adsense'"),
        ("creatives.root=/home/me/images", "creatives.root: is '/home/me/images'"),
        ("pipeline_root=null", "pipeline_root: is not set, so it would be in the container"),
        ("push.root=null", "push.root: is not set"),
        ("trainer.warm_start=out/serving/1", "trainer.warm_start: is 'out/serving/1'"),
        ("anomalies.serving_statistics=/var/served.pb", "anomalies.serving_statistics: is '/var/served.pb'"),
        ("evaluation.baseline=grpc://127.0.0.1:8500", "evaluation.baseline: grpc://127.0.0.1:8500 is this machine"),
        ("evaluation.baseline=http://localhost:8501", "evaluation.baseline: http://localhost:8501 is this machine"),
        ("data.root=s3://key:secret@clicks/data", "data.root: has a user or password in it"),
    ],
)
def test_each_is_told_with_its_key(override: str, told: str) -> None:
    settings = load_settings(None, [*CLUSTER, "kubeflow.volumes=[{claim: c, path: /mnt/ads}]", override])
    with pytest.raises(SettingsError, match=re.escape(told)) as refused:
        cluster_places(settings)
    assert len(str(refused.value).splitlines()) == 2  # the heading, and this fault alone


def test_a_hashing_key_has_to_come_from_the_cluster() -> None:
    who, when = "{name: who, kind: categorical, pii: hash}", "{name: when, kind: timestamp}"
    features = f"features=[{who}, {when}, {{name: clicked, kind: label}}]"
    words = [*CLUSTER, features, "evaluation.slices=[]"]
    with pytest.raises(SettingsError, match="ADCLICK_PII_KEY is missing, and feature 'who' has pii: hash"):
        cluster_places(load_settings(None, words))
    cluster_places(load_settings(None, [*words, "kubeflow.secrets={ADCLICK_PII_KEY: {secret: pii, key: key}}"]))
