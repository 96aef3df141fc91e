"""Entries in a Redis that several gateways share: one JSON object under `<prefix>:<kind>:<key>`."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Sequence

from adclick.errors import SettingsError
from configs.gateway import Enrichment
from serving.gateway.enrichment import Entry, StoreUnavailableError

_MAX_CONNECTIONS = 32

_log = logging.getLogger(__name__)


class RedisStore:
    """After a failure Redis is left alone for `pause_s`, so that an outage costs few requests its timeout."""

    def __init__(self, settings: Enrichment, now_s: Callable[[], float] = time.monotonic) -> None:
        """Raises SettingsError where the environment has no URL, or one that is none of Redis."""
        import redis.asyncio

        self._prefix, self._pause_s, self._ttl_s = settings.redis.prefix, settings.redis.pause_s, settings.ttl_s
        self._now_s, self._paused_until_s = now_s, -math.inf
        # The last two: what answers on that port speaks something else than Redis' protocol.
        self._faults = (redis.RedisError, OSError, TimeoutError, ValueError, TypeError)
        variable = settings.redis.url_variable
        url = os.environ.get(variable, "")
        if not url:
            raise SettingsError(
                f"enrichment.redis.url_variable: the environment variable {variable} is not set; "
                "set it to a URL such as redis://127.0.0.1:6379/0"
            )
        timeout_s = settings.redis.timeout_s
        try:
            pool = redis.asyncio.BlockingConnectionPool.from_url(
                url,
                max_connections=_MAX_CONNECTIONS,
                timeout=timeout_s,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                decode_responses=False,
            )
        except ValueError:
            raise SettingsError(
                f"{variable} is no URL of Redis; write it as redis://, rediss:// or unix://"
            ) from None  # without the URL's own words: they may hold a password
        self._redis = redis.asyncio.Redis(connection_pool=pool)

    async def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Entry | None]:
        """Entries of (kind, key) pairs, in one round trip. Raises StoreUnavailableError."""
        self._check_pause()
        try:
            texts = await self._redis.mget([self._name(kind, key) for kind, key in keys])
            if not isinstance(texts, list) or len(texts) != len(keys):
                raise ValueError("no list of so many values")
        except self._faults as error:
            raise self._failed(error) from None
        return [None if text is None else _entry(text) for text in texts]

    async def put(self, kind: str, key: str, entry: Entry) -> None:
        """Replaces an entry. Raises StoreUnavailableError."""
        import orjson

        self._check_pause()
        expires_ms = None if self._ttl_s is None else max(1, round(1000 * self._ttl_s))
        try:
            await self._redis.set(self._name(kind, key), orjson.dumps(entry), px=expires_ms)
        except self._faults as error:
            raise self._failed(error) from None

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.aclose(close_connection_pool=True)

    def _name(self, kind: str, key: str) -> str:
        return f"{self._prefix}:{kind}:{key}"

    def _check_pause(self) -> None:
        if self._now_s() < self._paused_until_s:
            raise StoreUnavailableError("Redis is left alone after a failure")

    def _failed(self, error: Exception) -> StoreUnavailableError:
        _log.warning("Redis gives no answer (%s); rows go without enrichment", type(error).__name__)
        self._paused_until_s = self._now_s() + self._pause_s
        return StoreUnavailableError(type(error).__name__)


def _entry(text: bytes) -> Entry | None:
    """What is no JSON object counts as no entry: Redis is filled by others too."""
    import orjson

    try:
        entry = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return entry if isinstance(entry, dict) else None
