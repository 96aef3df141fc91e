"""`adclick models` as an operator meets it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from adclick import cli
from components.pusher.pushing import push
from components.pusher.versions import RECORD_FILE, versions

METRICS = {"auc": 0.73821, "log_loss": 0.2607, "calibration_ratio": None}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An output root with two pushed versions."""
    for number in (1, 2):
        model = tmp_path / f"exported-{number}"
        model.mkdir()
        (model / "saved_model.pb").write_bytes(b"%d" % number * (1 << 20))
        push(model, tmp_path / "out" / "serving" / "adclick", None, f"run-{number}", metrics=METRICS, warmup=b"w")
    return tmp_path / "out"


def models(root: Path, *words: str) -> int:
    return cli.main(["models", *words, "--output-root", str(root)])


def printed(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert models(root, *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def numbers(root: Path) -> list[int]:
    return versions(root / "serving" / "adclick")


def test_the_list_shows_what_an_operator_asks_first(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = numbers(root)
    models(root, "label", "canary", str(first))
    models(root, "rollback", "--reason", "worse")
    (root / "serving" / "adclick" / "7").mkdir()
    capsys.readouterr()
    assert models(root, "list") == 0
    header, *rows = (line.split("  ") for line in capsys.readouterr().out.splitlines())
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert [cell.strip() for cell in header if cell] == [
        "VERSION", "STATE", "LABELS", "PUSHED (UTC)", "RUN", "MiB", "AUC"
    ]  # fmt: skip
    assert [row[:3] for row in cells] == [
        [str(second), "withdrawn", "-"], [str(first), "in service", "canary"], ["7", "half-copied", "-"]
    ]  # fmt: skip
    assert cells[0][4:] == ["run-2", "1.0", "0.7382"]


def test_programs_get_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = numbers(root)
    found = printed(root, capsys, "list")
    assert [(one["version"], one["state"]) for one in found] == [(second, "in service"), (first, "available")]
    assert found[0]["record"]["metrics"] == METRICS
    done = printed(root, capsys, "rollback", "--reason", "worse", "--who", "ada")
    assert done == {"in_service": first, "withdrawn": [second], "labels": {}}
    shown = printed(root, capsys, "show", str(second))
    assert (shown["state"], shown["withdrawn"]["who"], shown["withdrawn"]["reason"]) == ("withdrawn", "ada", "worse")
    assert [one["action"] for one in shown["history"]] == ["pushed", "withdrawn"]
    assert printed(root, capsys, "promote", str(second), "--reason", "better after all")["in_service"] == second


def test_one_version_in_words(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = numbers(root)
    assert models(root, "show", str(first)) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"version {first} state available labels -" in text
    assert "warm-up requests yes" in text
    assert "metrics auc 0.7382, log_loss 0.2607, calibration_ratio undefined" in text
    assert "run id run-1" in text
    assert text.endswith(": run run-1")


def test_a_label_comes_with_tf_servings_configuration(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    first, _ = numbers(root)
    printed_config = printed(root, capsys, "label", "canary", str(first))["tf_serving_config"]
    config = text_format.Parse(printed_config, model_server_config_pb2.ModelServerConfig()).model_config_list.config[0]
    assert (config.name, config.base_path) == ("adclick", str(root / "serving" / "adclick"))
    assert dict(config.version_labels) == {"canary": first}
    assert config.model_version_policy.HasField("all")
    assert models(root, "label", "canary", "--delete") == 0
    assert "no label is set" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["show", "7"], 2, "VERSION 7: no such version in"),
        (["rollback", "--to", "7", "--reason", "x"], 2, "--to 7: no such version in"),
        (["promote", "7", "--reason", "x"], 2, "VERSION 7: no such version in"),
        (["rollback", "--reason", " "], 2, "--reason is empty"),
        (["label", "canary"], 2, "give either the VERSION that it is to name, or --delete"),
        (["label", "canary", "7", "--delete"], 2, "give either the VERSION that it is to name, or --delete"),
        (["label", "b/c", "7"], 2, "label 'b/c': give a letter"),
        (["label", "canary", "--delete"], 2, "label 'canary' is not set on"),
    ],
)
def test_what_will_not_do_is_told_with_its_mend(
    root: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, told: str
) -> None:
    before = numbers(root)
    assert models(root, *words) == status
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("adclick models: ")
    assert told in output.err
    assert numbers(root) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rollback"], "the following arguments are required: --reason"),
        (["promote", "7"], "the following arguments are required: --reason"),
        (["show", "latest"], "'latest' is no version"),
        ([], "the following arguments are required: ACTION"),
    ],
)
def test_bad_words_end_with_status_2(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(["models", *words])
    assert raised.value.code == 2
    assert told in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models(tmp_path, "list") == 2
    assert f"{tmp_path}/serving/adclick: no such folder; name one with --output-root" in capsys.readouterr().err
    assert not (tmp_path / "serving").exists()


def test_a_record_of_an_older_adclick_is_shown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has no metrics, nor whatever came later."""
    first, _ = numbers(root)
    record = root / "serving" / "adclick" / str(first) / RECORD_FILE
    old = {
        key: json.loads(record.read_text())[key] for key in ("model_digest", "baseline_version", "run_id", "pushed_at")
    }
    record.write_text(json.dumps(old))
    assert printed(root, capsys, "list")[1]["record"] == {
        **old, "metrics": None, "promoted_from": None, "displaced_digest": None, "force_reason": None, "forced_by": None
    }  # fmt: skip


@pytest.mark.alone
def test_the_list_answers_within_a_second_without_tensorflow(root: Path) -> None:
    code = f"""
import sys
from adclick.cli import main
main(["models", "list", "--output-root", {str(root)!r}])
print(*(name for name in ("tensorflow", "tfx", "apache_beam", "pandas") if name in sys.modules), file=sys.stderr)
"""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert time.monotonic() - started < 1.0
    assert done.stderr.strip() == ""
    assert "in service" in done.stdout
