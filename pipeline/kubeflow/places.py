"""Where a run on a cluster puts things, and that every container can get at what the settings name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from adclick.errors import SettingsError
from adclick.filesystem import join
from adclick.privacy import KEY_VARIABLE
from adclick.stores import is_remote
from configs.evaluation import SERVED_FOLDER
from configs.settings import Settings
from pipeline.locations import Locations

SCRATCH = Path("/tmp/adclick")
LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")


def cluster_places(settings: Settings) -> Locations:
    """Pipeline root and served folder as the settings have them; all else is within a container.

    Raises SettingsError for settings that a container elsewhere cannot use, each with its mend.
    """
    faults = list(_faults(settings))
    if faults:
        raise SettingsError("these settings do not work on a cluster:\n  " + "\n  ".join(faults))
    return Locations(
        output_root=SCRATCH,
        pipeline_root=state_root(settings),
        mirror=SCRATCH / "mirror",
        metadata=None,
        model_folder=join(str(settings.push.root), settings.push.model_name),
        reports=SCRATCH / "reports",
        logs=SCRATCH / "logs",
        schemas=None,
        tuning=SCRATCH / "tuning",
        temporary=SCRATCH / "tmp",
    )


def state_root(settings: Settings) -> str:
    """Folder in which runs leave pointers, references and reports for each other: `pipeline_root`."""
    return str(settings.pipeline_root).rstrip("/")


def _faults(settings: Settings) -> Iterator[str]:
    if not settings.kubeflow.image:
        yield (
            "kubeflow.image: names no image; give the one that deploy/ builds, by version or digest, such as "
            "--set kubeflow.image=registry.example.com/adclick:1.0"
        )
    mounted = [volume.path for volume in settings.kubeflow.volumes]
    places = {
        "data.root": settings.data.root,
        "creatives.root": settings.creatives.root,
        "trainer.warm_start": settings.trainer.warm_start,
        "anomalies.serving_statistics": settings.anomalies.serving_statistics,
        "pipeline_root": settings.pipeline_root or "",
        "push.root": settings.push.root or "",
    }
    unreachable = [key for key, place in places.items() if place is not None and not _reaches(place, mounted)]
    for key in unreachable:
        place = places[key]
        told = f"is {place!r}, a folder of this machine" if place else "is not set, so it would be in the container"
        yield f"{key}: {told}; give s3:// or gs://, or a path below one of kubeflow.volumes"
    for key, place in places.items():
        if place and is_remote(place) and "@" in urlsplit(place).netloc:
            yield f"{key}: has a user or password in it; put credentials into kubeflow.secrets"
    asked = settings.evaluation.baseline
    if asked != SERVED_FOLDER and urlsplit(asked).hostname in LOOPBACK:
        yield f"evaluation.baseline: {asked} is this machine; give the server's address in the cluster"
    hashed = settings.features.hashed_names
    if hashed and KEY_VARIABLE not in settings.kubeflow.secrets:
        yield (
            f"kubeflow.secrets: {KEY_VARIABLE} is missing, and feature {hashed[0]!r} has pii: hash; add "
            f"{KEY_VARIABLE}: {{secret: NAME, key: KEY}}"
        )


def _reaches(place: str, mounted: list[str]) -> bool:
    """Whether a container can get there."""
    if is_remote(place):
        return True
    normal = Path(os.path.normpath(place))
    return normal.is_absolute() and any(normal.is_relative_to(path) for path in mounted)
