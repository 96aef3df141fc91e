"""The gateway's settings: a file of its own, which names the settings file that holds the feature table."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from configs.section import Section

Port = Annotated[int, Field(ge=0, le=65535)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=100)]
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?")


class Listen(Section):
    """Where the gateway listens."""

    host: str = "127.0.0.1"
    """Loopback: this machine only. It speaks plain HTTP, so put a proxy with TLS before any other address."""
    port: Port = 8080
    """0 takes a free one and says which."""
    drain_delay_s: float = Field(default=2.0, ge=0.0, le=60.0)
    """From SIGTERM, which makes `/readyz` fail, to the end of listening: long enough for a balancer to notice."""
    drain_s: float = Field(default=20.0, gt=0.0, le=300.0)
    """How long requests under way may still take then."""


class Upstream(Section):
    """The model server: TF Serving or `adclick serve`, over gRPC."""

    server: str = Field(default="127.0.0.1:8500", pattern=r"^[^\s/]+:[0-9]{1,5}$")
    model_name: str = Field(default="adclick", min_length=1)
    timeout_s: float = Field(default=1.0, gt=0.0, le=60.0)
    """From the request's arrival to its answer; what takes longer is answered with `deadline_exceeded`."""
    max_attempts: int = Field(default=3, ge=1, le=10)
    """Calls for the same rows, where the server cannot be reached; nothing else is tried again."""
    max_calls_in_flight: int = Field(default=4, ge=1, le=64)
    """Rows that arrive during a call share the next one; more calls side by side only where many rows wait, or long."""
    max_rows_per_call: int = Field(default=64, ge=1, le=10_000)
    max_waiting_rows: int = Field(default=4096, ge=1)
    """Rows that may wait for their call; more are refused with `overloaded`."""
    poll_s: float = Field(default=1.0, gt=0.0, le=60.0)
    """How often the model's state is asked for; `/readyz` follows it."""


class Jwt(Section):
    """Which tokens count (RFC 7519). A token's algorithm only ever chooses among the keys configured for it."""

    hs256_secret_variable: Variable | None = None
    """Environment variable with the shared secret, at least 32 bytes (RFC 7518, section 3.2)."""
    rs256_public_key_file: str | None = None
    """PEM file with a public key."""
    rs256_jwks_file: str | None = None
    """JSON Web Key Set (RFC 7517) on disk; a token's `kid` chooses the key."""
    audience: str = Field(min_length=1)
    issuer: str | None = None
    leeway_s: float = Field(default=10.0, ge=0.0, le=300.0)
    """Clock skew between issuer and gateway that is borne."""
    max_token_bytes: int = Field(default=8192, ge=256, le=65536)
    max_cached_tokens: int = Field(default=10_000, ge=0)
    """Verified tokens remembered, by digest, until they expire."""

    @model_validator(mode="after")
    def _some_key(self) -> Jwt:
        if not (self.hs256_secret_variable or self.rs256_public_key_file or self.rs256_jwks_file):
            raise ValueError(
                "jwt has no key: set hs256_secret_variable, rs256_public_key_file or rs256_jwks_file in it"
            )
        if self.rs256_public_key_file and self.rs256_jwks_file:
            raise ValueError("jwt.rs256_public_key_file and jwt.rs256_jwks_file are both set; keep one of them")
        return self


class RateLimit(Section):
    """A token bucket for each client; a row costs one token."""

    rows_per_s: float = Field(default=1000.0, gt=0.0)
    burst_rows: int = Field(default=2000, ge=1)
    max_clients: int = Field(default=10_000, ge=1)
    """Buckets kept; the one unused for longest goes first."""


class Limits(Section):
    """How large a request may be."""

    max_body_bytes: int = Field(default=8 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    max_rows: int = Field(default=256, ge=1, le=10_000)
    max_text_bytes: int = Field(default=1024, ge=1, le=1024 * 1024)
    """Of one field, in UTF-8; image bytes and URLs have limits of their own."""
    body_timeout_s: float = Field(default=10.0, gt=0.0, le=300.0)
    """How long a body may take to arrive."""


class ImageUrls(Section):
    """Which URLs of creatives are fetched. No host is allowed by default."""

    hosts: tuple[str, ...] = ()
    """`cdn.example.com` allows port 443 (80 for http), `cdn.example.com:8443` that port alone."""
    schemes: tuple[Literal["https", "http"], ...] = ("https",)
    private_networks: tuple[str, ...] = ()
    """Networks such as 10.1.0.0/16 that may be reached although their addresses are not public."""
    ca_file: str | None = None
    """Certificates to trust in place of the system's."""
    timeout_s: float = Field(default=0.5, gt=0.0, le=30.0)
    """For all of a fetch, redirects included; it also ends with the request's own time."""
    max_redirects: int = Field(default=2, ge=0, le=10)
    """Each is checked as the first URL is."""
    max_concurrent: int = Field(default=32, ge=1, le=1000)

    @field_validator("hosts")
    @classmethod
    def _plain_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise ValueError(f"{host!r} is no host; write it as cdn.example.com or cdn.example.com:8443")
        return hosts

    @field_validator("private_networks")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ipaddress.ip_network(network)  # a ValueError of its own words
        return networks


class Images(Section):
    """Creatives sent with an impression. Formats and pixels are limited by the settings' `creatives` section too."""

    max_bytes: int = Field(default=4 * 1024 * 1024, ge=1)
    max_pixels: int = Field(default=25_000_000, ge=1)
    """Announced by the header; over all frames of an animation."""
    max_concurrent_rows: int = Field(default=8, ge=1, le=1024)
    """Rows with image bytes in one call to the model."""
    urls: ImageUrls = ImageUrls()


class EnrichmentKind(Section):
    """Features looked up by the value of another field, and put where a row leaves them out."""

    key: str
    """Field whose value is looked up, such as user_id."""
    fields: Annotated[tuple[str, ...], Field(min_length=1)]
    file: str | None = None
    """CSV or JSON lines with the key and the fields, read at the start; for the store in memory."""


class Redis(Section):
    """A Redis that several gateways share."""

    url_variable: Variable = "ADCLICK_REDIS_URL"
    """Environment variable with the URL, which may hold a password: redis://user:password@host:6379/0"""
    prefix: str = "adclick"
    """Keys are `<prefix>:<kind>:<key>`."""
    timeout_s: float = Field(default=0.05, gt=0.0, le=5.0)
    pause_s: float = Field(default=1.0, ge=0.0, le=60.0)
    """How long Redis is left alone after it failed."""


class Enrichment(Section):
    """Features that the gateway knows and callers need not send."""

    store: Literal["memory", "redis"] = "memory"
    kinds: dict[Name, EnrichmentKind] = Field(default_factory=dict)
    max_entries: int = Field(default=100_000, ge=1)
    """In memory; the one unused for longest goes first."""
    ttl_s: float | None = Field(default=None, gt=0.0)
    """How long an entry counts; none: until it is replaced."""
    write_scope: str = "enrichment:write"
    """Scope that a token needs to put entries."""
    redis: Redis = Redis()

    @model_validator(mode="after")
    def _files_in_memory(self) -> Enrichment:
        for name, kind in self.kinds.items():
            if kind.file and self.store == "redis":
                raise ValueError(
                    f"enrichment.kinds.{name}.file is for the store in memory; fill Redis by PUT or by a job of yours"
                )
        return self


class RequestLog(Section):
    """Requests and answers as TFRecords of `PredictionLog`, without the values of fields marked pii."""

    folder: str | None = None
    """Where the files go; none: no log."""
    sampled_share: float = Field(default=0.01, ge=0.0, le=1.0)
    max_file_bytes: int = Field(default=64 * 1024 * 1024, ge=1024)
    """Of records in a file before compression."""
    max_file_age_s: float = Field(default=600.0, gt=0.0)
    max_queued: int = Field(default=1000, ge=1)
    """Records that may wait for the disk; more are dropped and counted."""
    image_bytes: bool = False
    """Whether the bytes of creatives are logged too."""


class Gateway(Section):
    """Everything the gateway can be told."""

    settings: str | None = None
    """The pipeline's settings file with the feature table, relative to this file; none: the base file alone."""
    listen: Listen = Listen()
    upstream: Upstream = Upstream()
    jwt: Jwt
    rate_limit: RateLimit = RateLimit()
    limits: Limits = Limits()
    optional_fields: tuple[str, ...] = ()
    """Fields that the feature table requires of training rows and that requests may leave out."""
    images: Images = Images()
    enrichment: Enrichment = Enrichment()
    request_log: RequestLog = RequestLog()
    docs: bool = True
    """Whether `/docs` and `/openapi.json` are served."""

    @model_validator(mode="after")
    def _limits_fit(self) -> Gateway:
        if self.rate_limit.burst_rows < self.limits.max_rows:
            raise ValueError(
                f"rate_limit.burst_rows is {self.rate_limit.burst_rows}, fewer than the {self.limits.max_rows} rows of "
                "limits.max_rows: such a request could never pass; raise the one or lower the other"
            )
        return self
