"""Which URLs may be fetched, and to which addresses they may lead (server-side request forgery, CWE-918)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from configs.gateway import ImageUrls
from serving.gateway.codes import Refusal

_DEFAULT_PORTS = {"https": 443, "http": 80}
_MAX_URL_LENGTH = 2048
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNSAFE = frozenset("\\\t\r\n \x00")


class UrlRules:
    """The allow-list. A URL is held against it before each request, a host's address before each connection."""

    def __init__(self, settings: ImageUrls) -> None:
        self._schemes = settings.schemes
        self._hosts = frozenset(settings.hosts)
        self._networks = [ipaddress.ip_network(network) for network in settings.private_networks]

    def check(self, url: str) -> None:
        """Raises Refusal `image_url_refused`."""
        fault = self._fault(url)
        if fault:
            raise Refusal("image_url_refused", f"the image's URL {fault}")

    def _fault(self, url: str) -> str | None:
        if len(url) > _MAX_URL_LENGTH:
            return f"is longer than {_MAX_URL_LENGTH} characters"
        if not url.isascii() or any(character in _UNSAFE or not character.isprintable() for character in url):
            return "has a character that URLs do not have; escape it"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return "cannot be read as a URL"
        if parts.scheme not in self._schemes:
            return f"has another scheme than {' or '.join(self._schemes)}"
        if "@" in parts.netloc:
            return "has a user name in it"
        if not self._allowed(parts, port):
            return "is of a host or port that is not on the allow-list"
        return None

    def _allowed(self, parts: SplitResult, port: int | None) -> bool:
        host, default = parts.hostname, _DEFAULT_PORTS[parts.scheme]
        if not host or host.endswith("."):
            return False
        if f"{host}:{port or default}" in self._hosts:
            return True
        return (port is None or port == default) and host in self._hosts

    def check_addresses(self, addresses: Sequence[str]) -> None:
        """Raises Refusal `image_address_refused` unless all addresses are public, or of an allowed network."""
        for text in addresses:
            address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text.partition("%")[0])
            address = _inner(address)
            public = address.is_global and not address.is_multicast and not address.is_reserved
            public = public and not (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
            if not public and not any(address in network for network in self._networks):
                raise Refusal("image_address_refused", "the image's host has an address that is not public")


def _inner(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 address leads to (RFC 4291, 3056 and 6052), else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
