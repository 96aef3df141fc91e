"""Tokens' clock and keys, token buckets, calibration bins, creative keys: parts that need no server."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from gateway_process import AUDIENCE, SECRET, RsaPair, token

from adclick.errors import SettingsError
from configs.gateway import Jwt, RateLimit
from serving.gateway.calibration import CalibrationBins
from serving.gateway.codes import Refusal
from serving.gateway.rate_limit import RateLimiter
from serving.gateway.tokens import TokenVerifier


def _bearer(text: str) -> bytes:
    return f"Bearer {text}".encode()


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Jwt:
    monkeypatch.setenv("TEST_JWT_SECRET", SECRET)
    return Jwt(hs256_secret_variable="TEST_JWT_SECRET", audience=AUDIENCE, leeway_s=5, max_cached_tokens=2)


def test_a_remembered_token_expires_as_a_new_one_does(secret: Jwt, tmp_path: Path) -> None:
    now_s = [1000.0]
    verifier = TokenVerifier(secret, tmp_path, lambda: now_s[0])
    bearer = _bearer(token(exp=1010, nbf=1003))
    assert verifier.caller(bearer).client_id == "client-a"  # nbf is within the leeway of 5 s
    now_s[0] = 1014.9
    assert verifier.caller(bearer).expires_s == 1015
    now_s[0] = 1015.0
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            verifier.caller(bearer)
        assert refused.value.code == "token_expired"


def test_remembered_tokens_are_bounded(secret: Jwt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = TokenVerifier(secret, tmp_path)
    verified: list[str] = []
    decode = jwt.decode
    monkeypatch.setattr(jwt, "decode", lambda text, *a, **k: verified.append(text) or decode(text, *a, **k))
    a, b, c = (_bearer(token(sub=name)) for name in "abc")
    for each in (a, a, b, c, c, a):  # room for two: a is forgotten when c comes
        verifier.caller(each)
    assert len(verified) == 4


def test_an_issuer_counts_where_one_is_configured(secret: Jwt, tmp_path: Path) -> None:
    verifier = TokenVerifier(secret.model_copy(update={"issuer": "https://login.example"}), tmp_path)
    assert verifier.caller(_bearer(token(iss="https://login.example"))).client_id == "client-a"
    for issuer, code in (("https://login.example.evil", "token_wrong_issuer"), (None, "token_claim_missing")):
        with pytest.raises(Refusal) as refused:
            verifier.caller(_bearer(token(iss=issuer)))
        assert refused.value.code == code


def test_a_key_set_chooses_by_kid(rsa_pair: RsaPair, tmp_path: Path) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    keys = [
        {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)), "kid": kid, "alg": "RS256"}
        for kid, key in (("old", jwt.algorithms.RSAAlgorithm(None).prepare_key(rsa_pair.public)),
                         ("new", other.public_key()))
    ]  # fmt: skip
    (tmp_path / "keys.json").write_text(json.dumps({"keys": keys}))
    verifier = TokenVerifier(Jwt(rs256_jwks_file="keys.json", audience=AUDIENCE), tmp_path)
    assert verifier.caller(_bearer(token(rsa_pair.private, "RS256", {"kid": "old"}))).client_id == "client-a"
    assert verifier.caller(_bearer(token(other, "RS256", {"kid": "new"}))).client_id == "client-a"
    for headers, code in (({"kid": "new"}, "token_bad_signature"), ({"kid": "x"}, "token_unknown_key"),
                          (None, "token_unknown_key")):  # fmt: skip
        with pytest.raises(Refusal) as refused:
            verifier.caller(_bearer(token(rsa_pair.private, "RS256", headers)))
        assert refused.value.code == code


def test_weak_and_missing_keys_keep_the_gateway_from_starting(
    rsa_pair: RsaPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_JWT_SECRET", "x" * 31)
    (tmp_path / "private.pem").write_bytes(rsa_pair.private)
    (tmp_path / "empty.json").write_text('{"keys": []}')
    for settings, said in (
        (Jwt(hs256_secret_variable="TEST_JWT_SECRET", audience="a"), "TEST_JWT_SECRET has 31 bytes; set it to"),
        (Jwt(rs256_public_key_file="none.pem", audience="a"), "none.pem cannot be read: No such file"),
        (Jwt(rs256_public_key_file="private.pem", audience="a"), "private.pem: holds no public key in PEM"),
        (Jwt(rs256_jwks_file="empty.json", audience="a"), "empty.json: is no JSON Web Key Set"),
    ):
        with pytest.raises(SettingsError, match=said):
            TokenVerifier(settings, tmp_path)


def test_a_bucket_fills_at_its_rate_up_to_its_burst() -> None:
    now_s = [0.0]
    limiter = RateLimiter(RateLimit(rows_per_s=2.0, burst_rows=10, max_clients=2), lambda: now_s[0])
    limiter.take("a", 10)
    now_s[0] = 1.5  # 3 tokens
    with pytest.raises(Refusal) as refused:
        limiter.take("a", 4)
    assert refused.value.retry_after_s == pytest.approx(0.5)  # one more token at 2 a second
    limiter.take("a", 3)
    now_s[0] = 1000.0
    limiter.take("a", 10)
    with pytest.raises(Refusal):
        limiter.take("a", 1)


def test_the_number_of_buckets_is_bounded() -> None:
    limiter = RateLimiter(RateLimit(max_clients=3))
    for number in range(10):
        limiter.take(f"client-{number}", 1)
    assert len(limiter) == 3


def test_a_score_on_a_bound_is_of_the_bin_below() -> None:
    bins = CalibrationBins([0.25, 0.5], [10, 20, 40], [1, 2, 3])
    found = [bins.look_up(score).confidence for score in (0.0, 0.25, 0.25001, 0.5, 0.75, 1.0)]
    assert [each and each["impressions"] for each in found] == [10, 10, 20, 20, 40, 40]


@pytest.mark.parametrize(
    ("bounds", "impressions", "clicks"),
    [
        ([0.5], [1.0], [1.0]),
        ([0.5, 0.2], [1, 1, 1], [0, 0, 0]),
        ([0.5], [1, 1], [2, 0]),
        ([0.5], [math.nan, 1], [0, 0]),
    ],
)
def test_bins_that_contradict_themselves_are_refused(
    bounds: list[float], impressions: list[float], clicks: list[float]
) -> None:
    with pytest.raises(ValueError, match=r"lengths|ascend|between"):
        CalibrationBins(bounds, impressions, clicks)
