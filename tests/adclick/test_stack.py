"""The stack table against the lock and the environment, and the preparation of a process."""

import os
import subprocess
import sys
import types
import warnings
from pathlib import Path

import pytest

from adclick import stack as stacks

ROOT = Path(__file__).parents[2]


def lock_pins() -> dict[str, str]:
    lines = (ROOT / "requirements" / "portable.lock").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ")[0].split("==") for line in lines if "==" in line)


def test_table_names_the_versions_of_the_lock():
    locked = lock_pins()
    assert {name: locked[name] for name in stacks.PORTABLE.pins} == dict(stacks.PORTABLE.pins)


def test_installed_versions_are_read_without_importing():
    code = (
        "import sys; from adclick import stack;"
        "print(stack.installed_versions(['tensorflow', 'no-such-distribution']));"
        "print([name for name in ('tensorflow', 'apache_beam', 'tfx', 'numpy') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout == "{'tensorflow': '2.16.2', 'no-such-distribution': None}\n[]\n"


def test_stack_for_python_names_what_is_supported():
    assert stacks.stack_for_python((3, 10)) is stacks.PORTABLE
    with pytest.raises(stacks.StackError, match=r"no stack for Python 3\.12; supported: 3\.10 \(portable\)"):
        stacks.stack_for_python((3, 12))


@pytest.fixture
def clean(monkeypatch):
    """A process that has neither flags nor TensorFlow, whatever earlier tests imported."""
    monkeypatch.delenv(stacks.KERAS_FLAG, raising=False)
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    with warnings.catch_warnings():
        yield monkeypatch


def test_prepare_sets_flag_and_log_level_and_is_idempotent(clean):
    stacks.prepare_environment()
    filters = list(warnings.filters)
    stacks.prepare_environment()
    assert os.environ[stacks.KERAS_FLAG] == "1"
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert len(warnings.filters) == len(filters)


def test_prepare_keeps_a_log_level_that_is_set(clean):
    clean.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    stacks.prepare_environment()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"


def test_prepare_refuses_keras_3(clean):
    clean.setenv(stacks.KERAS_FLAG, "0")
    with pytest.raises(stacks.StackError, match=r"TF_USE_LEGACY_KERAS='0' is set.*`unset TF_USE_LEGACY_KERAS`"):
        stacks.prepare_environment()


def test_prepare_refuses_a_tensorflow_imported_without_the_flag(clean):
    clean.setitem(sys.modules, "tensorflow", types.ModuleType("tensorflow"))
    with pytest.raises(stacks.StackError, match=r"tensorflow was imported before .*prepare_environment"):
        stacks.prepare_environment()
    assert stacks.KERAS_FLAG not in os.environ
    clean.setenv(stacks.KERAS_FLAG, "1")
    stacks.prepare_environment()


def test_prepare_silences_known_noise_only(clean):
    stacks.prepare_environment()
    with pytest.warns(FutureWarning) as seen:
        # pytest.warns resets the filters, so they are put first again.
        for message, category in stacks.KNOWN_NOISE:
            warnings.filterwarnings("ignore", message=message, category=category)
        warnings.warn("You are using a non-supported Python version (3.10.13). Google will", FutureWarning, 2)
        warnings.warn("grpcio < 1.83.0 does not support Post-Quantum Cryptography (PQC).", FutureWarning, 2)
        warnings.warn("this function changes its default", FutureWarning, 2)
    assert [str(warning.message) for warning in seen] == ["this function changes its default"]


def test_tensorflow_and_beam_import_in_silence_with_keras_2():
    code = (
        "from adclick import stack; stack.prepare_environment();"
        "import tensorflow as tf, apache_beam; print(tf.keras.Model.__module__.split('.')[0])"
    )
    environ = {name: value for name, value in os.environ.items() if name != stacks.KERAS_FLAG}
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},  # TensorFlow's own C++ lines are another matter
    )
    assert (shown.stdout, shown.stderr) == ("tf_keras\n", "")
