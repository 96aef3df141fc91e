"""How models are looked for, loaded and unloaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from serving.models.session_options import SessionOptions


@dataclass(frozen=True)
class ManagerOptions:
    """The model management's flags, under `tensorflow_model_server`'s names and defaults where it has them.

    Source: tensorflow_serving/model_servers/main.cc.
    """

    poll_wait_s: float = 1.0
    """`--file_system_poll_wait_seconds`; 0: look until every model has a version in service, then no more."""
    num_load_threads: int = 1
    """`--num_load_threads`: models loaded at the same time; 0: in the thread that looks for versions."""
    num_unload_threads: int = 0
    """`--num_unload_threads`: unloads at the same time; 0: each in a thread of its own, as they wait for requests."""
    max_num_load_retries: int = 5
    """`--max_num_load_retries`, counted once the quick first retries are used up; 0: none until files change."""
    load_retry_interval_s: float = 60.0
    """`--load_retry_interval_micros`: longest wait between two tries of a version whose files do not change."""
    allow_labels_for_unavailable: bool = False
    """`--allow_version_labels_for_unavailable_models`: a new label may name a version that is not in service."""
    enable_warmup: bool = True
    """`--enable_model_warmup`: run `assets.extra/tf_serving_warmup_requests` before a version answers."""
    warmup_iterations: int = 1
    """`--num_request_iterations_for_warmup`: how often each record is run."""
    config_file: Path | None = None
    """`--model_config_file`, where it is to be followed."""
    config_poll_wait_s: float = 0.0
    """`--model_config_file_poll_wait_seconds`; 0: the file is read once."""
    session: SessionOptions = field(default_factory=SessionOptions)
