"""The flags of `tensorflow_model_server`, under its names, spellings and defaults.

Source: tensorflow_serving/model_servers/main.cc and server.h. Ours are --bind, --max_body_bytes,
--max_inflight_requests, --max_inflight_bytes and --num_run_threads.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from serving.models.manager_options import ManagerOptions
from serving.models.session_options import SessionOptions
from serving.server import server_options
from serving.server.flag_types import boolean, channel_arguments, not_negative, port, positive, seconds
from serving.server.server_options import ServerOptions

# Accepted, so that command lines written for the original work; they tune what this server has not.
WITHOUT_EFFECT = {
    "enable_profiler": bool,
    "enable_per_model_batching_parameters": bool,
    "flush_filesystem_caches": bool,
    "grpc_max_threads": int,
    "mixed_precision": str,
    "num_tflite_interpreters_per_pool": int,
    "num_tflite_pools": int,
    "per_process_gpu_memory_fraction": float,
    "remove_unused_fields_from_bundle_metagraph": bool,
    "rest_api_num_threads": int,
    "skip_initialize_tpu": bool,
    "thread_pool_factory_config_file": str,
    "xla_cpu_compilation_enabled": bool,
    "xla_gpu_compilation_enabled": bool,
}
# Refused unless they have this value: they would change answers, or who can ask.
REFUSED = {
    "platform_config_file": (str, "", "there is one platform, tensorflow; use the flags"),
    "prefer_tflite_model": (bool, False, "this server runs no TensorFlow Lite models"),
    "tensorflow_session_config_file": (str, "", "set --tensorflow_*_parallelism instead"),
    "use_alts_credentials": (bool, False, "give --ssl_config_file for TLS"),
}


def parse_server_options(arguments: Sequence[str]) -> ServerOptions:
    """Options from a command line; bad ones end the process with status 2 and the flag's name."""
    parser = _parser()
    args = parser.parse_args(arguments)
    _check(parser, args)
    given = [f"--{name}" for name in WITHOUT_EFFECT if getattr(args, name) is not None]
    return ServerOptions(
        model_name=args.model_name,
        model_base_path=args.model_base_path,
        grpc_port=args.port,
        rest_port=args.rest_api_port,
        bind=args.bind,
        grpc_socket_path=args.grpc_socket_path,
        rest_timeout_s=args.rest_api_timeout_in_ms / 1000 if args.rest_api_timeout_in_ms > 0 else math.inf,
        max_body_bytes=args.max_body_bytes,
        max_inflight_requests=args.max_inflight_requests,
        max_inflight_bytes=args.max_inflight_bytes,
        num_run_threads=args.num_run_threads,
        enable_batching=args.enable_batching,
        batching_parameters_file=args.batching_parameters_file,
        ssl_config_file=args.ssl_config_file,
        monitoring_config_file=args.monitoring_config_file,
        enable_cors=args.rest_api_enable_cors_support,
        enable_health_service=args.enable_grpc_healthcheck_service,
        grpc_channel_arguments=args.grpc_channel_arguments,
        check_method_names=args.enable_signature_method_name_check,
        tensor_content=args.enable_serialization_as_tensor_content,
        management=_manager_options(args),
        without_effect=given,
    )


def _manager_options(args: argparse.Namespace) -> ManagerOptions:
    parallelism = SessionOptions.from_flags(
        args.tensorflow_session_parallelism,
        args.tensorflow_intra_op_parallelism,
        args.tensorflow_inter_op_parallelism,
        together=args.enable_batching,
    )
    return ManagerOptions(
        poll_wait_s=args.file_system_poll_wait_seconds,
        num_load_threads=args.num_load_threads,
        num_unload_threads=args.num_unload_threads,
        max_num_load_retries=args.max_num_load_retries,
        load_retry_interval_s=max(0.0, args.load_retry_interval_micros / 1e6),
        allow_labels_for_unavailable=args.allow_version_labels_for_unavailable_models,
        enable_warmup=args.enable_model_warmup,
        warmup_iterations=max(1, args.num_request_iterations_for_warmup),
        config_file=args.model_config_file,
        config_poll_wait_s=args.model_config_file_poll_wait_seconds,
        session=replace(parallelism, tags=frozenset(args.saved_model_tags.split(","))),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.model_server",
        description="Serves SavedModels over TF Serving's gRPC and REST protocols.",
        formatter_class=argparse.RawDescriptionHelpFormatter,  # keeps the two lines of --version
        allow_abbrev=False,
    )
    _add_endpoint_flags(parser)
    _add_model_flags(parser)
    _add_limit_flags(parser)
    parser.add_argument("--version", action="version", version=_version(), help="print versions and end")
    for name, kind in WITHOUT_EFFECT.items():
        _add_flag(parser, name, kind, None, "accepted, without effect")
    for name, (kind, default, why) in REFUSED.items():
        _add_flag(parser, name, kind, default, f"only {default!r}: {why}")
    return parser


def _add_endpoint_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--port", type=port, default=8500, help="gRPC port; 0 turns it off (8500)")
    add("--grpc_socket_path", default="", help="UNIX socket for gRPC, beside the port")
    add("--rest_api_port", type=port, default=0, help="REST port; 0 turns REST off (0)")
    add(
        "--rest_api_timeout_in_ms", type=int, default=30000, help="longest a REST request may take; 0: no limit (30000)"
    )
    _add_flag(parser, "rest_api_enable_cors_support", bool, False, "send CORS headers")
    add("--bind", default="127.0.0.1", help="address to listen on; 0.0.0.0 for every interface (127.0.0.1)")
    add("--ssl_config_file", type=Path, help="text-format SSLConfig: TLS and mTLS for gRPC")
    add("--monitoring_config_file", type=Path, help="text-format MonitoringConfig: Prometheus metrics")
    _add_flag(parser, "enable_grpc_healthcheck_service", bool, False, "serve grpc.health.v1.Health")
    add("--grpc_channel_arguments", type=channel_arguments, default=(), help="key=value,… for the gRPC server")


def _add_model_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model_name", default="default", help="name that requests use (default)")
    add("--model_base_path", type=Path, help="folder of the version folders 1, 2, …")
    add("--model_config_file", type=Path, help="text-format ModelServerConfig; replaces the two flags before")
    add("--model_config_file_poll_wait_seconds", type=seconds, default=0.0, help="0: read once (0)")
    add("--file_system_poll_wait_seconds", type=seconds, default=1.0, help="0: until a version serves (1)")
    add("--num_load_threads", type=not_negative, default=1, help="models loaded side by side (1)")
    add("--num_unload_threads", type=not_negative, default=0, help="models unloaded side by side")
    add("--max_num_load_retries", type=not_negative, default=5, help="retries of a failed load (5)")
    add("--load_retry_interval_micros", type=int, default=60_000_000, help="time between them (60000000)")
    _add_flag(parser, "allow_version_labels_for_unavailable_models", bool, False, "label versions not in service")
    _add_flag(parser, "enable_model_warmup", bool, True, "run a model's warm-up records before it serves (true)")
    add("--num_request_iterations_for_warmup", type=int, default=0, help="times each record is run, above 0")
    _add_flag(parser, "enable_signature_method_name_check", bool, False, "check method_name in Classify and Regress")
    _add_flag(parser, "enable_serialization_as_tensor_content", bool, False, "send tensors of Predict as bytes")
    add("--saved_model_tags", default="serve", help="tags of the meta graph to load, comma-separated (serve)")
    for pool, auto in (("session", ""), ("intra_op", ", one with batching"), ("inter_op", "")):
        help_text = f"threads; 0: TensorFlow decides{auto}"
        add(f"--tensorflow_{pool}_parallelism", type=not_negative, default=0, help=help_text)


def _add_limit_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    _add_flag(parser, "enable_batching", bool, False, "run requests together that come together")
    add("--batching_parameters_file", type=Path, help="text-format BatchingParameters")
    defaults = server_options
    add("--max_body_bytes", type=positive, default=defaults.DEFAULT_MAX_BODY_BYTES, help="largest request taken")
    add(
        "--max_inflight_requests",
        type=positive,
        default=defaults.DEFAULT_MAX_INFLIGHT_REQUESTS,
        help="inference requests under way at most, for each protocol; more are refused (512)",
    )
    add(
        "--max_inflight_bytes",
        type=positive,
        default=defaults.DEFAULT_MAX_INFLIGHT_BYTES,
        help="bytes of request bodies under way at most",
    )
    add("--num_run_threads", type=not_negative, default=0, help="threads that run models; 0: one per processor")


def _add_flag(parser: argparse.ArgumentParser, name: str, kind: type, default: object, help_text: str) -> None:
    if kind is bool:  # --flag, --flag=true, --flag false
        parser.add_argument(f"--{name}", nargs="?", type=boolean, const=True, default=default, help=help_text)
    else:
        parser.add_argument(f"--{name}", type=kind, default=default, help=help_text)


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    for name, (_, default, why) in REFUSED.items():
        if getattr(args, name) != default:
            parser.error(f"--{name}={getattr(args, name)} is not supported: {why}")
    if not args.port and not args.rest_api_port and not args.grpc_socket_path:
        parser.error("--port 0 and --rest_api_port 0 turn both protocols off; give one of them a port")
    if args.port == args.rest_api_port and args.port:
        parser.error(f"--port and --rest_api_port are both {args.port}; give one of them another port")
    if not args.model_base_path and not args.model_config_file:
        parser.error("give --model_base_path, or --model_config_file")
    if args.batching_parameters_file and not args.enable_batching:
        parser.error("--batching_parameters_file is set without setting --enable_batching to true")
    if all((args.tensorflow_session_parallelism, args.tensorflow_intra_op_parallelism,
            args.tensorflow_inter_op_parallelism)):  # fmt: skip
        parser.error(
            "Either configure --tensorflow_session_parallelism or (--tensorflow_intra_op_parallelism, "
            "--tensorflow_inter_op_parallelism) separately. You cannot configure all."
        )


def _version() -> str:
    from importlib import metadata

    return f"TensorFlow ModelServer: adclick\nTensorFlow Library: {metadata.version('tensorflow')}"
