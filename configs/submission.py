"""Settings of submission: which API a compiled pipeline goes to, as which run, how often, and who asks."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from configs.cron import check_cron
from configs.section import Section

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
TOKEN_VARIABLE = "ADCLICK_KFP_TOKEN"
"""Where the token is looked for if the settings name no other place."""
_ROOT = re.compile(r"(minio|s3|gs)://[^/?#]+(/[^?#]*)?")


class Schedule(Section):
    """When the recurring run starts."""

    name: str | None = Field(default=None, min_length=1)
    """Of the recurring run; none: `<pipeline_name>-schedule`."""
    cron: str = "0 0 4 2 * *"
    """Six fields, seconds first, in the time zone of Kubeflow's scheduler (UTC if nobody changed it)."""
    enabled: bool = True

    @field_validator("cron")
    @classmethod
    def _six_fields(cls, cron: str) -> str:
        return check_cron(cron)


class Vertex(Section):
    """Vertex AI Pipelines."""

    project: str | None = Field(default=None, min_length=1)
    """ID of the Google Cloud project."""
    location: str | None = Field(default=None, pattern=r"^[a-z]+-[a-z]+[0-9]+$")
    """Region, such as europe-west4."""
    network: str | None = Field(default=None, pattern=r"^projects/[0-9]+/global/networks/[^/]+$")
    """VPC network that the steps are peered with."""


class Submission(Section):
    """Where a compiled pipeline runs."""

    target: Literal["kubeflow", "vertex"] = "kubeflow"
    host: str | None = None
    """URL of Kubeflow Pipelines' API; none: the cluster that this runs in, or that kubectl is set to."""
    namespace: str | None = Field(default=None, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)
    """Kubernetes namespace; needed where several users share Kubeflow."""
    experiment: str | None = Field(default=None, min_length=1)
    """none: the pipeline's name."""
    run_name: str | None = Field(default=None, min_length=1)
    """The time is put behind it; none: the pipeline's name."""
    version_name: str | None = Field(default=None, min_length=1)
    """Of the uploaded pipeline; a digest of its contents is put behind it; none: the digest alone."""
    service_account: str | None = Field(default=None, min_length=1)
    """That the steps run as: of Kubernetes, or with Vertex of Google Cloud."""
    pipeline_root: str | None = None
    """Folder of the artifacts, minio://, s3:// or gs://; none: `pipeline_root` of the settings, if that is in a store,
    and else what the server has."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Values of the compiled pipeline's parameters."""
    caching: bool = True
    """As compiled; false: every component runs."""
    token_variable: Variable | None = None
    """Environment variable with the bearer token; none: ADCLICK_KFP_TOKEN, if that is set."""
    token_file: str | None = Field(default=None, min_length=1)
    """File with the bearer token, read again for each request, since such tokens are renewed."""
    ca_file: str | None = Field(default=None, min_length=1)
    """Certificates to trust in place of the usual ones, PEM."""
    request_timeout_s: float = Field(default=30.0, gt=0.0, le=600.0)
    """Of one request."""
    max_attempts: int = Field(default=5, ge=1, le=20)
    """Requests for the same thing, while the server is busy or away."""
    poll_s: float = Field(default=5.0, gt=0.0, le=600.0)
    """Between two looks at a run."""
    wait_timeout_s: float = Field(default=86_400.0, gt=0.0)
    """How long a run is waited for; it goes on afterwards."""
    schedule: Schedule = Schedule()
    vertex: Vertex = Vertex()

    @field_validator("host")
    @classmethod
    def _url(cls, host: str | None) -> str | None:
        if host is None:
            return None
        parts = urlsplit(host)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{host!r} is no URL: write it as https://kubeflow.example.com or http://localhost:8080")
        if parts.username is not None or parts.password is not None:
            raise ValueError("holds a user or password, which would end up in logs: use token_variable or token_file")
        return host.rstrip("/")

    @field_validator("pipeline_root")
    @classmethod
    def _store(cls, root: str | None) -> str | None:
        if root is not None and not _ROOT.fullmatch(root):
            raise ValueError(f"{root!r} is no folder of a store: write minio://, s3:// or gs://, bucket/folder")
        return None if root is None else root.rstrip("/")

    @field_validator("parameters")
    @classmethod
    def _plain(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        for name, value in parameters.items():
            if not isinstance(value, str | int | float | bool):
                raise ValueError(f"{name!r} has a {type(value).__name__}; a parameter is a text, a number or a boolean")
        return parameters

    @model_validator(mode="after")
    def _fits(self) -> Submission:
        if self.token_variable and self.token_file:
            raise ValueError("submission.token_variable and submission.token_file are both set; keep one of them")
        if self.target == "vertex":
            for name in ("project", "location"):
                if getattr(self.vertex, name) is None:
                    raise ValueError(f"submission.vertex.{name} is missing, and submission.target is 'vertex': add it")
        return self
