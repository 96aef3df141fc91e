"""From flags to the registry of models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from serving.models.manager_options import ManagerOptions
from serving.models.model_config import ModelConfig
from serving.models.model_config_file import parse_model_config_file
from serving.models.registry import Models
from serving.models.session_options import SessionOptions
from serving.protocol.grpc_verbs import PREPARE
from serving.server.server_options import ServerOptions

Announce = Callable[[str, str], None]


def make_models(options: ServerOptions, announce: Announce) -> Models:
    """The models of `--model_config_file`, or the one of `--model_name` and `--model_base_path`; not started.

    Raises:
        ModelConfigFileError: naming file, place and mend.
    """
    if options.model_config_file:
        configs = parse_model_config_file(options.model_config_file)
    else:
        # argparse has seen to one of the two flags being there.
        base_path = options.model_base_path or Path()
        configs = [ModelConfig(options.model_name, base_path)]
    return Models(configs, manager_options(options), announce=announce, prepare=PREPARE)


def manager_options(options: ServerOptions) -> ManagerOptions:
    """The model management's share of the flags."""
    return ManagerOptions(
        poll_wait_s=options.poll_wait_s,
        num_load_threads=options.num_load_threads,
        num_unload_threads=options.num_unload_threads,
        max_num_load_retries=options.max_num_load_retries,
        load_retry_interval_s=options.load_retry_interval_s,
        allow_labels_for_unavailable=options.allow_labels_for_unavailable,
        enable_warmup=options.enable_warmup,
        warmup_iterations=options.warmup_iterations,
        config_file=options.model_config_file,
        config_poll_wait_s=options.config_poll_wait_s,
        session=replace(
            SessionOptions.from_flags(
                options.session_parallelism, options.intra_op_parallelism, options.inter_op_parallelism
            ),
            tags=options.saved_model_tags,
        ),
    )
