"""Settings for libraries that have to come before any test module imports them."""

from __future__ import annotations

from adclick.stack import prepare_environment

prepare_environment()
