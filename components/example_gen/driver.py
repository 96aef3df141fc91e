"""Looks which files there are before each run.

A changed byte reruns the ingest, and an unchanged month does not.
"""

from __future__ import annotations

from typing import Any

from adclick.privacy import key_fingerprint, key_from_environment
from components.drivers import ObservingDriver
from components.example_gen.spans import select_input
from configs.features import FeatureTable
from configs.settings import Data


class AdExampleGenDriver(ObservingDriver):
    """Adds the spans and the content fingerprint of the input, and which key hashes personal values."""

    def observe(self, inputs: dict[str, list[Any]], properties: dict[str, Any]) -> dict[str, str | int]:
        """Raises DataError where the folder or every file is missing."""
        data = Data.model_validate_json(properties["data"])
        source = select_input(data.root, data.pattern, data.spans)
        hashed = FeatureTable.model_validate_json(properties["features"]).hashed_names
        return {
            "input_fingerprint": source.fingerprint,
            "input_spans": ",".join(str(span) for span in source.spans),
            "pii_key": key_fingerprint(key_from_environment(hashed[0])) if hashed else "",
        }
