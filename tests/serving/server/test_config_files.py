"""Text-format configuration files of TF Serving."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.server.batching_parameters import BatchingParameters, read_batching_parameters
from serving.server.config_files import read_prometheus_path, read_tls_config
from serving.server.text_proto import ConfigFileError

PEM = "-----BEGIN X-----\\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "config.txt"
    path.write_text(text)
    return path


def test_batching_parameters(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "max_batch_size { value: 128 }  # rows\nbatch_timeout_micros { value: 2000 }\nmax_enqueued_batches { value: 4 }"
        "\nnum_batch_threads { value: 3 }\nallowed_batch_sizes: 32\nallowed_batch_sizes: 128\n"
        "pad_variable_length_inputs: true\nthread_pool_name { value: 'x' }",
    )
    parameters = read_batching_parameters(path)
    assert parameters == BatchingParameters(128, 0.002, 4, 3, (32, 128), True, 128)
    assert parameters.max_enqueued_rows == 512
    assert [parameters.padded_rows(rows) for rows in (1, 32, 33, 128)] == [32, 32, 128, 128]
    defaults = read_batching_parameters(written(tmp_path, ""))
    assert defaults == BatchingParameters()
    assert (defaults.max_batch_size, defaults.batch_timeout_s, defaults.max_enqueued_batches) == (1000, 0.0, 10)
    split = "enable_large_batch_splitting { value: true } max_execution_batch_size { value: 100 }"
    assert read_batching_parameters(written(tmp_path, split)).max_execution_batch_size == 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch_sice { value: 1 }", 'has no field named "max_batch_sice"'),
        ("max_batch_size { value: 0 }", "max_batch_size is 0; give 1 or more"),
        ("batch_timeout_micros { value: -1 }", "batch_timeout_micros is -1; give 0 or more"),
        ("allowed_batch_sizes: 8 allowed_batch_sizes: 4", "must be positive and in increasing order"),
        ("allowed_batch_sizes: 8", "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 8; "
                                   "expected 1000"),
    ],
)  # fmt: skip
def test_bad_batching_parameters_name_file_and_field(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigFileError) as caught:
        read_batching_parameters(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_tls_config(tmp_path: Path) -> None:
    config = read_tls_config(written(tmp_path, f'server_key: "{PEM}k"\nserver_cert: "{PEM}c"'))
    assert (config.server_key, config.custom_ca, config.client_verify) == (b"-----BEGIN X-----\nk", None, False)
    assert "BEGIN X-----\\nk" not in repr(config)  # a key is not for logs
    for text, message in [
        ('server_key: "/etc/key.pem"', "server_key holds no PEM text; give the text itself, not a file's name"),
        (f'server_key: "{PEM}" server_cert: "{PEM}" client_verify: true', "client_verify needs custom_ca"),
    ]:
        with pytest.raises(ConfigFileError, match=message):
            read_tls_config(written(tmp_path, text))
    with pytest.raises(ConfigFileError, match="cannot be read"):
        read_tls_config(tmp_path / "absent")


def test_monitoring_config(tmp_path: Path) -> None:
    enabled = "prometheus_config { enable: true }"
    assert read_prometheus_path(written(tmp_path, enabled)) == "/monitoring/prometheus/metrics"
    own = 'prometheus_config { enable: true path: "/metrics" }'
    assert read_prometheus_path(written(tmp_path, own)) == "/metrics"
    assert read_prometheus_path(written(tmp_path, "")) is None
    with pytest.raises(ConfigFileError, match="must start with /"):
        read_prometheus_path(written(tmp_path, 'prometheus_config { enable: true path: "metrics" }'))
