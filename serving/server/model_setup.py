"""From flags to the registry of models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from serving.models.model_config import ModelConfig
from serving.models.model_config_file import parse_model_config_file
from serving.models.registry import Models
from serving.protocol.grpc_verbs import PREPARE
from serving.server.server_options import ServerOptions

Announce = Callable[[str, str], None]


def make_models(options: ServerOptions, announce: Announce) -> Models:
    """The models of `--model_config_file`, or the one of `--model_name` and `--model_base_path`; not started.

    Raises:
        ModelConfigFileError: naming file, place and mend.
    """
    if options.management.config_file:
        configs = parse_model_config_file(options.management.config_file)
    else:
        # argparse has seen to one of the two flags being there.
        base_path = options.model_base_path or Path()
        configs = [ModelConfig(options.model_name, base_path)]
    return Models(configs, options.management, announce=announce, prepare=PREPARE)
