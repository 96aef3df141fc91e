"""What one model server serves, where, and within which limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from serving.models.manager_options import ManagerOptions

DEFAULT_MAX_BODY_BYTES = 64 * 1024 * 1024
DEFAULT_MAX_INFLIGHT_REQUESTS = 512
DEFAULT_MAX_INFLIGHT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class ServerOptions:
    """The server's own flags; those of the model management are `management`."""

    model_name: str = "default"
    model_base_path: Path | None = None
    grpc_port: int = 8500  # 0: no gRPC over TCP
    rest_port: int = 0  # 0: no REST
    bind: str = "127.0.0.1"
    grpc_socket_path: str = ""
    rest_timeout_s: float = 30.0
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    max_inflight_requests: int = DEFAULT_MAX_INFLIGHT_REQUESTS
    max_inflight_bytes: int = DEFAULT_MAX_INFLIGHT_BYTES
    num_run_threads: int = 0  # 0: one for each processor
    enable_batching: bool = False
    batching_parameters_file: Path | None = None
    ssl_config_file: Path | None = None
    monitoring_config_file: Path | None = None
    enable_cors: bool = False
    enable_health_service: bool = False
    grpc_channel_arguments: Sequence[tuple[str, int | str]] = ()
    check_method_names: bool = False
    tensor_content: bool = False
    management: ManagerOptions = field(default_factory=ManagerOptions)
    without_effect: Sequence[str] = ()
    """Flags that were given and change nothing here."""
