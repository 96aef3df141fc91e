"""Images by URL count against the size of a request while they come, not when all are here."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections import Counter
from typing import Any, cast

from gateway_model import SETTINGS
from yaml import safe_load

from configs.features import FeatureTable
from configs.gateway import Gateway
from configs.settings import Creatives
from serving.gateway.image_fetch import ImageFetcher
from serving.gateway.prediction_flow import PredictionFlow
from serving.gateway.row_checks import RowChecks

MB = 1_000_000


class Fetches:
    """An image of 1 MB for each URL, each made anew."""

    async def fetch(self, *_: object) -> bytes:
        await asyncio.sleep(0)
        return bytes(MB)


def test_images_beyond_the_limit_are_not_kept(pii_key: str) -> None:
    """64 rows of 1 MB each where 4 MB are allowed: four are kept."""
    settings = Gateway.model_validate(
        {"jwt": {"hs256_secret_variable": "X", "audience": "a"}, "limits": {"max_body_bytes": 4 * MB}}
    )
    table = FeatureTable.model_validate(safe_load(SETTINGS)["features"])
    checks = RowChecks(table, settings.limits, Creatives())
    flow = PredictionFlow(settings, checks, cast("Any", None), cast("Any", None), None, cast("ImageFetcher", Fetches()))
    row = {"impression_id": "1", "timestamp": 0, "site": "a"}
    checked = {i: checks.check({**row, "image_url": f"https://x.example/{i}"}) for i in range(64)}
    results: list[Any] = [None] * 64
    tracemalloc.start()
    asyncio.run(flow._fetch_images(checked, results, 1e9))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(checked) == 4
    assert Counter(result.code for result in results if result) == {"image_too_large": 60}
    assert peak_bytes < 8 * MB
