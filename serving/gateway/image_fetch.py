"""Images by URL: fetched from allowed hosts only, within limits of time and size.

Names are resolved by a resolver that checks every address, and the connection goes to the very addresses that were
checked, so that a name which resolves otherwise the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import aiohttp.abc

from configs.gateway import ImageUrls
from configs.settings import Creatives
from serving.gateway.codes import Refusal
from serving.gateway.image_bytes import check_image
from serving.gateway.image_urls import UrlRules

_CHUNK_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

_log = logging.getLogger(__name__)


class CheckedResolver(aiohttp.abc.AbstractResolver):
    """Resolves by the system, and refuses names with an address that may not be reached."""

    def __init__(self, rules: UrlRules, resolver: aiohttp.abc.AbstractResolver | None = None) -> None:
        self._rules, self._resolver = rules, resolver or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        """Addresses of a host. Raises Refusal `image_address_refused`; OSError where there is none."""
        found = await self._resolver.resolve(host, port, family)
        self._rules.check_addresses([each["host"] for each in found])
        return found

    async def close(self) -> None:
        """Lets go of the system's resolver."""
        await self._resolver.close()


class ImageFetcher:
    """Fetches with one pool of connections. To be made and used on one event loop."""

    def __init__(
        self,
        settings: ImageUrls,
        limits: Creatives,
        folder: Path,
        resolver: aiohttp.abc.AbstractResolver | None = None,
    ) -> None:
        """`limits`: size and pixels; `folder`: what `ca_file` is relative to. Raises OSError for such a file."""
        self._settings, self._limits, self._rules = settings, limits, UrlRules(settings)
        trusted = None if settings.ca_file is None else str(folder / settings.ca_file)
        self._slots = asyncio.Semaphore(settings.max_concurrent)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=CheckedResolver(self._rules, resolver),
                ssl=ssl.create_default_context(cafile=trusted),
                limit=settings.max_concurrent,
                ttl_dns_cache=10,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a compressed answer may be a bomb, and images gain nothing
            trust_env=False,
            headers={"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "adclick-gateway"},
        )

    async def fetch(self, place: str, url: str, timeout_s: float) -> bytes:
        """An encoded image that passed the checks; `place` names the field.

        Raises:
            Refusal: `image_url_refused`, `image_address_refused`, `image_fetch_failed`, `image_too_large`,
                `image_too_many_pixels` or `image_unreadable`.
        """
        self._rules.check(url)
        try:
            limit_s = max(0.0, min(timeout_s, self._settings.timeout_s))
            encoded = await asyncio.wait_for(self._in_turn(place, url), limit_s)
        except (asyncio.TimeoutError, TimeoutError):
            raise Refusal("image_fetch_failed", f"field {place!r}: the image did not come in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            _log.info("an image could not be fetched: %s", type(error).__name__)
            raise Refusal("image_fetch_failed", f"field {place!r}: the image's host gives no answer") from None
        check_image(place, encoded, self._limits)
        return encoded

    async def _in_turn(self, place: str, url: str) -> bytes:
        async with self._slots:
            return await self._follow(place, url)

    async def _follow(self, place: str, url: str) -> bytes:
        for _ in range(self._settings.max_redirects + 1):
            self._check_literal(url)
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status in _REDIRECTS and "Location" in response.headers:
                    url = urljoin(url, response.headers["Location"])
                    self._rules.check(url)
                    continue
                if response.status != 200:
                    raise Refusal("image_fetch_failed", f"field {place!r}: its host answered {response.status}")
                return await self._read(place, response)
        raise Refusal("image_fetch_failed", f"field {place!r}: more than {self._settings.max_redirects} redirects")

    def _check_literal(self, url: str) -> None:
        """Addresses written out do not pass the resolver."""
        host = urlsplit(url).hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return
        self._rules.check_addresses([host])

    async def _read(self, place: str, response: Any) -> bytes:
        limit = self._limits.max_file_bytes
        pieces, size = [], 0
        if (response.content_length or 0) <= limit:
            async for piece in response.content.iter_chunked(_CHUNK_BYTES):
                size += len(piece)
                if size > limit:
                    break
                pieces.append(piece)
            else:
                return b"".join(pieces)
        raise Refusal("image_too_large", f"field {place!r}: the image has more than {limit} bytes")

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()
