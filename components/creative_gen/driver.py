"""Looks at the images themselves before each run: a redrawn creative never passes unnoticed."""

from __future__ import annotations

from typing import Any

from tfx.types import artifact_utils

from components.creative_gen.image_fingerprint import image_fingerprint
from components.creative_gen.previous_store import known_sources
from components.creative_gen.store import read_references
from components.drivers import ObservingDriver
from configs.settings import Creatives


class CreativeGenDriver(ObservingDriver):
    """Adds the content fingerprint of the images that the impressions refer to."""

    def observe(self, inputs: dict[str, list[Any]], properties: dict[str, Any]) -> dict[str, str | int]:
        """Images that the newest store knows as they are need not be read."""
        creatives = read_references(artifact_utils.get_single_uri(list(inputs["ingest_report"])))
        root = properties["image_root"]
        limits = Creatives.model_validate_json(properties["creatives"])
        known = known_sources(properties["store_pointer"], root)
        return {"image_fingerprint": image_fingerprint([one.path for one in creatives], root, limits, known)}
