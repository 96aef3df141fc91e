"""Command lines written for tensorflow_model_server."""

from __future__ import annotations

import math
from importlib import metadata
from pathlib import Path

import pytest

from serving.models.manager_options import ManagerOptions
from serving.server.server_flags import REFUSED, WITHOUT_EFFECT, parse_server_options


def test_names_spellings_and_defaults_are_the_originals() -> None:
    options = parse_server_options(["--model_base_path=/models/m"])
    assert (options.grpc_port, options.rest_port, options.model_name) == (8500, 0, "default")
    assert (options.rest_timeout_s, options.enable_batching) == (30.0, False)
    assert options.management == ManagerOptions()
    assert (options.management.poll_wait_s, options.management.max_num_load_retries) == (1.0, 5)
    assert (options.management.load_retry_interval_s, options.management.enable_warmup) == (60.0, True)
    assert (options.bind, options.max_body_bytes, options.max_inflight_requests) == ("127.0.0.1", 64 * 2**20, 512)
    options = parse_server_options(
        ["--port=1", "--rest_api_port", "2", "--model_name=m", "--model_base_path=/models/m",
         "--file_system_poll_wait_seconds=5", "--rest_api_timeout_in_ms=1500", "--load_retry_interval_micros=2000000",
         "--grpc_channel_arguments=grpc.max_connection_age_ms=2000,grpc.x=y"]
    )  # fmt: skip
    assert (options.grpc_port, options.rest_port, options.model_name) == (1, 2, "m")
    assert (options.model_base_path, options.rest_timeout_s) == (Path("/models/m"), 1.5)
    assert (options.management.poll_wait_s, options.management.load_retry_interval_s) == (5.0, 2.0)
    assert options.grpc_channel_arguments == [("grpc.max_connection_age_ms", 2000), ("grpc.x", "y")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--enable_batching"], True),
        (["--enable_batching=true"], True),
        (["--enable_batching=False"], False),
        (["--enable_batching", "false"], False),
        (["--enable_batching", "--port=5"], True),
        ([], False),
    ],
)
def test_bool_flags_take_all_forms(words: list[str], expected: bool) -> None:
    assert parse_server_options(["--model_base_path=/m", *words]).enable_batching is expected


def test_flags_without_meaning_here_are_accepted_and_listed() -> None:
    values = {bool: "true", int: "3", float: "0.5", str: "x"}
    given = [f"--{name}={values[kind]}" for name, kind in WITHOUT_EFFECT.items()]
    options = parse_server_options(["--model_base_path=/m", *given])
    assert options.without_effect == [f"--{name}" for name in WITHOUT_EFFECT]


def test_every_flag_of_the_original_is_known() -> None:
    """The names in tensorflow_serving/model_servers/main.cc, as of 2026-07, apart from --version."""
    names = """
        port grpc_socket_path rest_api_port rest_api_num_threads rest_api_timeout_in_ms
        rest_api_enable_cors_support enable_batching allow_version_labels_for_unavailable_models
        batching_parameters_file enable_per_model_batching_parameters model_config_file
        model_config_file_poll_wait_seconds model_name model_base_path num_load_threads
        num_unload_threads max_num_load_retries load_retry_interval_micros
        file_system_poll_wait_seconds flush_filesystem_caches tensorflow_session_parallelism
        tensorflow_session_config_file tensorflow_intra_op_parallelism
        tensorflow_inter_op_parallelism use_alts_credentials ssl_config_file platform_config_file
        per_process_gpu_memory_fraction saved_model_tags grpc_channel_arguments grpc_max_threads
        enable_model_warmup num_request_iterations_for_warmup monitoring_config_file
        remove_unused_fields_from_bundle_metagraph prefer_tflite_model num_tflite_pools
        num_tflite_interpreters_per_pool enable_signature_method_name_check
        xla_cpu_compilation_enabled xla_gpu_compilation_enabled enable_profiler
        thread_pool_factory_config_file mixed_precision skip_initialize_tpu
        enable_grpc_healthcheck_service enable_serialization_as_tensor_content
    """

    from serving.server.server_flags import _parser

    known = {word for action in _parser()._actions for word in action.option_strings}
    assert [name for name in names.split() if f"--{name}" not in known] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port=0"], "--port 0 and --rest_api_port 0 turn both protocols off"),
        (["--port=7", "--rest_api_port=7"], "--port and --rest_api_port are both 7"),
        (["--port=70000"], "70000 is no port; give 1 to 65535, or 0 for off"),
        (["--max_body_bytes=0"], "0 is not positive"),
        (["--file_system_poll_wait_seconds=x"], "x is not a number of seconds"),
        (["--enable_batching=maybe"], "'maybe' is neither true nor false"),
        (["--batching_parameters_file=b"], "--batching_parameters_file is set without setting --enable_batching"),
        (["--prefer_tflite_model"], "--prefer_tflite_model=True is not supported: this server runs no TensorFlow Lite"),
        (["--prefer_tflite_model"], "--prefer_tflite_model=True is not supported"),
        (["--tensorflow_session_parallelism=1", "--tensorflow_intra_op_parallelism=1",
          "--tensorflow_inter_op_parallelism=1"], "You cannot configure all."),
        (["--grpc_channel_arguments=a"], "'a' is not key=value"),
        (["--no_such_flag"], "unrecognized arguments: --no_such_flag"),
    ],
)  # fmt: skip
def test_bad_flags_are_status_2_and_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_server_options(["--model_base_path=/m", *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_model_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_server_options([])
    assert "give --model_base_path, or --model_config_file" in capsys.readouterr().err


def test_refused_flags_are_accepted_with_the_value_that_is_served() -> None:
    given = [f"--{name}={default}" for name, (_, default, _) in REFUSED.items()]
    assert parse_server_options(["--model_base_path=/m", *given]).without_effect == []


def test_tags_are_separated_by_commas() -> None:
    options = parse_server_options(["--model_base_path=/m", "--saved_model_tags=serve,gpu"])
    assert options.management.session.tags == {"serve", "gpu"}
    assert parse_server_options(["--model_base_path=/m"]).management.session.tags == {"serve"}


@pytest.mark.parametrize(
    ("arguments", "intra_op", "inter_op"),
    [
        ("", 0, 0),
        ("--enable_batching", 1, 0),
        ("--enable_batching --tensorflow_intra_op_parallelism=4", 4, 0),
        ("--enable_batching --tensorflow_inter_op_parallelism=3", 1, 3),
        ("--enable_batching --tensorflow_session_parallelism=2", 2, 2),
        ("--tensorflow_session_parallelism=2 --tensorflow_inter_op_parallelism=3", 0, 3),
    ],
)
def test_batches_share_no_operation_among_threads_unless_told_to(arguments: str, intra_op: int, inter_op: int) -> None:
    session = parse_server_options(["--model_base_path=/m", *arguments.split()]).management.session
    assert (session.intra_op_parallelism, session.inter_op_parallelism) == (intra_op, inter_op)


def test_a_rest_timeout_of_0_is_none() -> None:
    assert parse_server_options(["--model_base_path=/m", "--rest_api_timeout_in_ms=0"]).rest_timeout_s == math.inf


def test_version_prints_the_originals_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_server_options(["--version"])
    assert caught.value.code == 0
    first, second = capsys.readouterr().out.strip().splitlines()
    assert first.startswith("TensorFlow ModelServer: ")
    assert second == f"TensorFlow Library: {metadata.version('tensorflow')}"
