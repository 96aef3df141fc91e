"""Bearer tokens (RFC 6750) that are JWTs (RFC 7519, RFC 8725), signed with HS256 or RS256.

The token's header only chooses among keys that are bound to one algorithm each: `none` has no key, and an HMAC made
with the public key is compared with the shared secret (RFC 8725, sections 2.1 and 3.1).
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from adclick.errors import SettingsError
from configs.gateway import Jwt
from serving.gateway.codes import Refusal

MIN_SECRET_BYTES = 32  # RFC 7518, section 3.2
MIN_RSA_BITS = 2048  # RFC 7518, section 3.3
_BEARER = b"bearer "


class Caller(NamedTuple):
    """Whom a verified token speaks for."""

    client_id: str
    scopes: frozenset[str]
    expires_s: float
    """Unix time up to which the token counts, leeway included."""


class TokenVerifier:
    """Tells the caller of a request; remembers verified tokens by digest until they expire."""

    def __init__(self, settings: Jwt, folder: Path, now_s: Callable[[], float] = time.time) -> None:
        """Paths are relative to `folder`. Raises SettingsError for a key that is missing or too weak."""
        self._settings, self._now_s = settings, now_s
        self._keys = _keys(settings, folder)
        self._verified: OrderedDict[bytes, Caller] = OrderedDict()

    def caller(self, authorization: bytes | None) -> Caller:
        """The caller by the value of the header Authorization. Raises Refusal with a code token_…."""
        if authorization is None or authorization[:7].lower() != _BEARER or not authorization[7:].strip():
            raise Refusal("token_missing", "send the header 'Authorization: Bearer TOKEN'")
        token = authorization[7:].strip()
        if len(token) > self._settings.max_token_bytes:
            raise Refusal("token_too_large", f"the token is longer than {self._settings.max_token_bytes} bytes")
        digest = hashlib.sha256(token).digest()
        caller = self._verified.get(digest)
        if caller is not None:
            if self._now_s() < caller.expires_s:
                self._verified.move_to_end(digest)
                return caller
            del self._verified[digest]
        caller = self._verify(token)
        if self._settings.max_cached_tokens:
            self._verified[digest] = caller
            if len(self._verified) > self._settings.max_cached_tokens:
                self._verified.popitem(last=False)
        return caller

    def _verify(self, token: bytes) -> Caller:
        import jwt

        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):  # brackets nested a thousand deep are valid JSON
            raise Refusal("token_malformed", "the token is no JWT in its compact form") from None
        algorithm = header.get("alg")
        keys = self._keys.get(algorithm) if isinstance(algorithm, str) else None
        if keys is None or not isinstance(algorithm, str):
            raise Refusal("token_algorithm_refused", f"sign tokens with {' or '.join(self._keys)}")
        key = keys.get(str(header.get("kid", ""))) or keys.get("")
        if key is None:
            raise Refusal("token_unknown_key", "the token's kid is not in this gateway's key set")
        settings = self._settings
        required = ["exp", "aud", "sub"] + (["iss"] if settings.issuer else [])
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=settings.leeway_s,
                options={"require": required, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _refusal(error) from None
        return self._checked(claims)

    def _checked(self, claims: Mapping[str, Any]) -> Caller:
        """Times are compared here, by one clock, so that a remembered token and a new one expire alike."""
        now_s, leeway_s = self._now_s(), self._settings.leeway_s
        expires_s = _seconds(claims, "exp") + leeway_s
        if now_s >= expires_s:
            raise Refusal("token_expired", "the token has expired; get a new one")
        for claim in ("nbf", "iat"):
            if claim in claims and _seconds(claims, claim) - leeway_s > now_s:
                raise Refusal("token_not_yet_valid", f"the token's {claim} is in the future; compare the clocks")
        subject, scope = claims.get("sub"), claims.get("scope", "")
        if not isinstance(subject, str) or not 0 < len(subject) <= 256 or not isinstance(scope, str):
            raise Refusal("token_malformed", "sub has to be a text of 1 to 256 characters, scope words in one text")
        return Caller(subject, frozenset(scope.split()), expires_s)


def _seconds(claims: Mapping[str, Any], claim: str) -> float:
    value = claims[claim]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        raise Refusal("token_malformed", f"{claim} has to be a number of seconds since 1970")
    return float(value)


def _refusal(error: Exception) -> Refusal:
    import jwt

    if isinstance(error, jwt.MissingRequiredClaimError):
        return Refusal("token_claim_missing", f"the token has no claim {error.claim!r}")
    if isinstance(error, jwt.InvalidSignatureError):
        return Refusal("token_bad_signature", "the token's signature is not that of this gateway's key")
    if isinstance(error, jwt.InvalidAudienceError):
        return Refusal("token_wrong_audience", "the token is not meant for this gateway")
    if isinstance(error, jwt.InvalidIssuerError):
        return Refusal("token_wrong_issuer", "the token is not of the issuer that this gateway takes")
    if isinstance(error, jwt.InvalidAlgorithmError):
        return Refusal("token_algorithm_refused", "the token's algorithm does not fit the key")
    return Refusal("token_malformed", "the token cannot be read as a JWT")


def _keys(settings: Jwt, folder: Path) -> dict[str, dict[str, Any]]:
    """Algorithm -> kid -> key; the kid "" stands for any."""
    keys: dict[str, dict[str, Any]] = {}
    if settings.hs256_secret_variable:
        secret = os.environ.get(settings.hs256_secret_variable, "").encode()
        if len(secret) < MIN_SECRET_BYTES:
            fault = f"has {len(secret)} bytes" if secret else "is not set"
            raise SettingsError(
                f"jwt.hs256_secret_variable: the environment variable {settings.hs256_secret_variable} {fault}; "
                f"set it to a random secret of at least {MIN_SECRET_BYTES} bytes"
            )
        keys["HS256"] = {"": secret}
    if settings.rs256_public_key_file:
        path = folder / settings.rs256_public_key_file
        keys["RS256"] = {"": _public_key(path, _read(path, "jwt.rs256_public_key_file"))}
    if settings.rs256_jwks_file:
        path = folder / settings.rs256_jwks_file
        keys["RS256"] = _key_set(path, _read(path, "jwt.rs256_jwks_file"))
    return keys


def _public_key(path: Path, pem: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except ValueError:
        raise SettingsError(f"{path}: holds no public key in PEM; make it with `openssl rsa -pubout`") from None
    return _strong(path, key)


def _key_set(path: Path, text: bytes) -> dict[str, Any]:
    import jwt

    try:
        listed = jwt.PyJWKSet.from_json(text.decode()).keys
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        raise SettingsError(f"{path}: is no JSON Web Key Set (RFC 7517) with a key in it") from None
    keys = {str(key.key_id or ""): _strong(path, key.key) for key in listed if key.key_type == "RSA"}
    if not keys:
        raise SettingsError(f"{path}: holds no RSA key, which RS256 needs")
    return keys


def _strong(path: Path, key: Any) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        raise SettingsError(f"{path}: give a public RSA key of at least {MIN_RSA_BITS} bits")
    return key


def _read(path: Path, setting: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{setting}: {path} cannot be read: {error.strerror or error}") from None
