"""Looks at the images themselves before each run: a redrawn creative never passes unnoticed."""

from __future__ import annotations

from typing import Any

from tfx.types import artifact_utils

from adclick.filesystem import content_digest, join
from components.creative_gen.store import read_references
from components.drivers import ObservingDriver


class CreativeGenDriver(ObservingDriver):
    """Adds the content fingerprint of the images that the impressions refer to."""

    def observe(self, inputs: dict[str, list[Any]], properties: dict[str, Any]) -> dict[str, str | int]:
        """An image that is not there counts as missing, so that its arrival reruns the component."""
        creatives = read_references(artifact_utils.get_single_uri(list(inputs["ingest_report"])))
        paths = [creative.path for creative in creatives]
        return {"image_fingerprint": content_digest((join(properties["image_root"], path) for path in paths), paths)}
