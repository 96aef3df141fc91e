"""Settings for libraries that have to come before any test module imports them."""

from __future__ import annotations

import os

from adclick.stack import prepare_environment

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # children inherit it, and tests of a silent import read their stderr
prepare_environment()
