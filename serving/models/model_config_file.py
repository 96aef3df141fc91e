"""Reads `--model_config_file`: a ModelServerConfig in protobuf's text format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serving.models.model_config import ModelConfig, configs_from_proto
from serving.request_error import RequestError


class ModelConfigFileError(Exception):
    """A model config file that cannot be used; the message names file, place and fix."""


def parse_model_config_file(path: Path) -> list[ModelConfig]:
    """The models that the file lists; an empty `model_config_list` is none.

    Raises:
        ModelConfigFileError: where the file cannot be read, is no ModelServerConfig, or lists what cannot be served.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelConfigFileError(f"{path}: cannot be read: {error}; check --model_config_file") from error
    return parse_model_config_text(text, path)


def parse_model_config_text(text: str, path: Path) -> list[ModelConfig]:
    """Like `parse_model_config_file`, of a text that was read from `path`."""
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    config: Any = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(text, config)
    except text_format.ParseError as error:
        raise ModelConfigFileError(
            f"{path}: Error parsing text-format tensorflow.serving.ModelServerConfig: {error}; "
            f"expected model_config_list {{ config {{ name: … base_path: … "
            f'model_platform: "tensorflow" }} }}'
        ) from error
    if config.WhichOneof("config") != "model_config_list":
        found = (
            "custom_model_config, which only servers with own loaders take"
            if config.WhichOneof("config")
            else "nothing"
        )
        raise ModelConfigFileError(f"{path}: has {found}; list the models in model_config_list")
    try:
        return configs_from_proto(config)
    except RequestError as error:
        raise ModelConfigFileError(f"{path}: model_config_list: {error.message}") from error
