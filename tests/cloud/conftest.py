"""Every test here may ask for a store."""

from __future__ import annotations

from adclick.stack import prepare_environment

prepare_environment()

from store_servers import gcs_server, s3_server, store  # noqa: E402, F401 - fixtures
