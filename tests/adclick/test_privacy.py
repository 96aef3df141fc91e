"""Keyed hashes: stable, apart by feature and key, and only with a key from the environment."""

from __future__ import annotations

import hashlib

import pytest

from adclick.errors import SettingsError
from adclick.privacy import KEY_VARIABLE, hashed, key_fingerprint, key_from_environment

KEY, OTHER = b"0123456789abcdef", b"fedcba9876543210"


def test_a_hash_follows_from_feature_value_and_key_alone() -> None:
    # 16 bytes in hexadecimal, by Python's own BLAKE2b over feature, a zero byte and the value
    expected = hashlib.blake2b(b"user_id\0u1", key=KEY, digest_size=16).hexdigest()
    assert hashed("user_id", b"u1", KEY) == expected
    assert len(expected) == 32
    others = {hashed("ad_id", b"u1", KEY), hashed("user_id", b"u2", KEY), hashed("user_id", b"u1", OTHER)}
    assert len(others | {expected}) == 4


def test_a_fingerprint_tells_keys_apart() -> None:
    assert key_fingerprint(KEY) != key_fingerprint(OTHER)
    assert KEY.hex() not in key_fingerprint(KEY)


@pytest.mark.parametrize(
    ("value", "fault"), [(None, "is not set"), ("", "is not set"), ("short", "has 5 bytes"), ("x" * 65, "has 65 bytes")]
)
def test_a_key_that_cannot_serve_is_refused(monkeypatch: pytest.MonkeyPatch, value: str | None, fault: str) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(KEY_VARIABLE, value)
    with pytest.raises(SettingsError, match=rf"'user_id' has pii: hash, but .* ADCLICK_PII_KEY {fault}; set it to"):
        key_from_environment("user_id")


def test_the_key_is_taken_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY.decode())
    assert key_from_environment("user_id") == KEY
