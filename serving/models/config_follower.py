"""Follows the model config file while the server runs.

A file that cannot be used keeps the configuration in force and is told once
(`--model_config_file_poll_wait_seconds`; tensorflow_serving/model_servers/server.cc, PollFilesystemAndReloadConfig).
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from serving.models.model_config import ModelConfig
from serving.models.model_config_file import ModelConfigFileError, parse_model_config_text

_log = logging.getLogger(__name__)


class ConfigFollower:
    """Reads the file at most every `poll_wait_s` seconds; 0, or no file: never."""

    def __init__(self, path: Path | None, poll_wait_s: float) -> None:
        self._path = path if poll_wait_s > 0 else None
        self._poll_wait_s = poll_wait_s
        self._next_look_s = time.monotonic() + poll_wait_s
        self._text: str | None = None if self._path is None else _text_or_none(self._path)
        self._said = ""

    @property
    def next_look_s(self) -> float | None:
        """Time of the next look on the monotonic clock; None where there is none."""
        return None if self._path is None else self._next_look_s

    def changed_configs(self) -> list[ModelConfig] | None:
        """What the file says now, if its text has changed since and can be used."""
        if self._path is None or time.monotonic() < self._next_look_s:
            return None
        self._next_look_s = time.monotonic() + self._poll_wait_s
        try:
            text = self._path.read_text(encoding="utf-8")
            if text == self._text:
                return None
            configs = parse_model_config_text(text, self._path)
        except (OSError, UnicodeDecodeError, ModelConfigFileError) as error:
            if str(error) != self._said:
                _log.error("%s; the models stay as they are configured", error)
                self._said = str(error)
            return None
        self._text, self._said = text, ""
        _log.info("%s has changed: serving %s", self._path, ", ".join(config.name for config in configs) or "nothing")
        return configs


def _text_or_none(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
