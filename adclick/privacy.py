"""Keyed hashes of personal values, so that whoever reads artifacts, logs or requests cannot tell whose they are.

BLAKE2b with a key (RFC 7693, section 2.9): the same value of the same feature gives the same hash from month to month,
and without the key neither can be had from the other, not even by trying all values. The key comes from the environment
and is never written anywhere.
"""

from __future__ import annotations

import hashlib
import os

from adclick.errors import SettingsError

HASHED_SUFFIX = "_hashed"
"""Ends the name of an input that wants a hash."""
KEY_VARIABLE = "ADCLICK_PII_KEY"
MIN_KEY_BYTES, MAX_KEY_BYTES = 16, 64
DIGEST_BYTES = 16
WITHHELD = "(withheld: pii)"
"""Stands for a value that a report would have shown."""


def key_from_environment(feature: str) -> bytes:
    """The key. Raises SettingsError, naming the `feature` that needs it, where it is not set or of a wrong length."""
    key = os.environ.get(KEY_VARIABLE, "").encode()
    if MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        return key
    fault = f"has {len(key)} bytes" if key else "is not set"
    raise SettingsError(
        f"feature {feature!r} has pii: hash, but the environment variable {KEY_VARIABLE} {fault}; "
        f"set it to a secret of {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes, the same for every run and client"
    )


def hashed(feature: str, value: bytes, key: bytes) -> str:
    """Hexadecimal hash of a value; equal values of two features have different ones."""
    return hashlib.blake2b(feature.encode() + b"\0" + value, key=key, digest_size=DIGEST_BYTES).hexdigest()


def key_fingerprint(key: bytes) -> str:
    """Tells two keys apart and gives neither away: what a cache may know of the key."""
    return hashlib.blake2b(b"which key", key=key, digest_size=8).hexdigest()
