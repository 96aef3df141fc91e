"""ExecutorInput, placeholders and environment as upstream makes them, its incompatibilities with TFX among them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from launcher.driver import KFP_2_0, KFP_2_5, NEWEST, WITHOUT_LOGS, Release
from launcher.run import SKIPPED, run
from launcher.tiny import from_root, shell, shell_cluster, tiny_package

OUTPUT = "{{$.outputs.artifacts['out'].path}}"


def _seen(tmp_path: Path, tasks: dict, task: str, **options) -> dict:
    """The ExecutorInput that a task got in its command line."""
    done = run(tiny_package(tmp_path / "p.yaml", tasks), shell_cluster(tmp_path / "cluster", **options))
    assert done.succeeded, done.table()
    seen: dict = json.loads(done.tasks[task].text)
    return seen


def _producer(metadata: dict) -> dict:
    """A task that sets metadata of its output, as TFX's executors do."""
    output = json.dumps({"artifacts": {"out": {"artifacts": [{"metadata": metadata}]}}})
    script = (
        f'mkdir -p "$1" && echo x > "$1/f" && cat > "$(dirname "$1")/output_metadata.json" <<"END"\n{output}\nEND\n'
    )
    return shell(script, [OUTPUT], gives=["out"])


CONSUMER = shell('printf %s "$1"', ["{{$}}"], takes={"in": "first/out"}, gives=["out"], given={"n": 3})


def test_upstream_artifacts_arrive_with_an_empty_schema(tmp_path: Path) -> None:
    seen = _seen(tmp_path, {"first": _producer({}), "second": CONSUMER}, "second")
    (artifact,) = seen["inputs"]["artifacts"]["in"]["artifacts"]
    assert artifact["type"] == {"instanceSchema": ""}
    assert artifact["name"].isdigit()
    assert artifact["uri"].startswith("minio://mlpipeline/v2/artifacts/tiny/")
    assert seen["inputs"]["parameterValues"] == {"n": 3}


def test_metadata_comes_back_as_ml_metadata_keeps_it(tmp_path: Path) -> None:
    given = {"span": 2, "blessed": True, "version": "7", "splits": ["train", "eval"], "nested": {"a": 1}}
    seen = _seen(tmp_path, {"first": _producer(given), "second": CONSUMER}, "second")
    metadata = seen["inputs"]["artifacts"]["in"]["artifacts"][0]["metadata"]
    assert {key: metadata[key] for key in given} == {
        "span": 2, "blessed": 1, "version": "7", "splits": {"list": ["train", "eval"]}, "nested": {"struct": {"a": 1}},
    }  # fmt: skip
    assert metadata["display_name"] == "out"
    assert "store_session_info" in metadata


def test_metadata_that_is_null_fails_the_task(tmp_path: Path) -> None:
    tasks = {"first": _producer({"nothing": None}), "second": CONSUMER}
    done = run(tiny_package(tmp_path / "p.yaml", tasks), shell_cluster(tmp_path / "cluster"))
    assert "unable to produce MLMD artifact for output 'out'" in done.tasks["first"].message
    assert done.states(SKIPPED) == {"second"}


def test_outputs_have_their_declared_type_and_executor_logs_beside_them(tmp_path: Path) -> None:
    seen = _seen(tmp_path, {"first": _producer({}), "second": CONSUMER}, "second")
    outputs = seen["outputs"]["artifacts"]
    (own,), (logs,) = outputs["out"]["artifacts"], outputs["executor-logs"]["artifacts"]
    assert own["type"] == {"instanceSchema": "title: tfx.Examples\ntype: object\n"}
    assert logs["type"] == {"schemaTitle": "system.Artifact"}
    assert logs["uri"] == own["uri"].removesuffix("/out") + "/executor-logs"
    # beside the task's outputs, where the launcher mirrors them
    assert seen["outputs"]["outputFile"].endswith(
        own["uri"].removeprefix("minio://").removesuffix("/out") + "/output_metadata.json"
    )


def test_without_published_logs_there_are_none(tmp_path: Path) -> None:
    seen = _seen(tmp_path, {"first": _producer({}), "second": CONSUMER}, "second", release=WITHOUT_LOGS)
    assert set(seen["outputs"]["artifacts"]) == {"out"}


@pytest.mark.parametrize("release", [KFP_2_0, KFP_2_5, NEWEST], ids=["2.0", "2.5", "newest"])
def test_each_release_s_places(tmp_path: Path, release: Release) -> None:
    seen = _seen(tmp_path, {"first": _producer({}), "second": CONSUMER}, "second", release=release)
    (own,) = seen["outputs"]["artifacts"]["out"]["artifacts"]
    # <root>/<pipeline>/<run>/<task>/[<salt>/]<output>
    parts = own["uri"].removeprefix("minio://mlpipeline/v2/artifacts/tiny/").split("/")
    assert (parts[1], parts[-1], len(parts)) == ("second", "out", 4 if release.salted else 3)
    assert (own.get("name") == "out") == release.beside
    assert ("executor-logs" in seen["outputs"]["artifacts"]) == release.logs
    assert ("/tmp/kfp_outputs/" in seen["outputs"]["outputFile"]) != release.beside


def test_logs_go_to_the_bucket_also_when_the_task_fails(tmp_path: Path) -> None:
    cluster = shell_cluster(tmp_path / "cluster")
    run(tiny_package(tmp_path / "p.yaml", {"first": shell("echo why; exit 1")}), cluster)
    (log,) = cluster.buckets.root.rglob("executor-logs")
    assert log.read_text() == "why\n"


def test_a_package_without_a_bucket_scheme_gets_no_local_path(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "p.yaml", {"first": _producer({})})
    done = run(package, shell_cluster(tmp_path / "cluster"), pipeline_root="hdfs://x/y")
    assert "unsupported storage scheme" in done.tasks["first"].message


def test_placeholders_of_every_kind(tmp_path: Path) -> None:
    words = [
        "{{$.inputs.artifacts['in'].uri}}", "{{$.inputs.artifacts['in'].path}}", "x={{$.inputs.parameters['x']}}",
        "{{$.inputs.parameters['flag']}}", "{{$.inputs.parameters['names']}}", "{{$.outputs.artifacts['out'].uri}}",
        '{"IfPresent": {"InputName": "x", "Then": ["--x", "{{$.inputs.parameters[\'x\']}}"]}}',
        '{"IfPresent": {"InputName": "y", "Then": ["--y"], "Else": "no y"}}',
    ]  # fmt: skip
    given = {"x": 0.5, "flag": True, "names": ["a", "b"]}
    second = shell(
        'for word in "$@"; do echo "$word"; done', words, takes={"in": "first/out"}, gives=["out"], given=given
    )
    done = run(
        tiny_package(tmp_path / "p.yaml", {"first": _producer({}), "second": second}),
        shell_cluster(tmp_path / "cluster"),
    )
    lines = done.tasks["second"].text.splitlines()
    uri = done.tasks["first"].outputs["out"]
    assert lines[0] == uri
    assert lines[1].endswith(f"/second-0/minio/{uri.removeprefix('minio://')}")
    assert lines[2:5] == ["x=0.5", "true", '["a","b"]']
    assert lines[5:] == [done.tasks["second"].outputs["out"], "--x", "0.5", "no y"]


def test_a_parameter_without_a_value_is_named(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "p.yaml", {"first": shell("true", ["{{$.inputs.parameters['rows']}}"])})
    done = run(package, shell_cluster(tmp_path / "cluster"))
    assert "parameter 'rows' not found in executor input" in done.tasks["first"].message


def test_runtime_parameters_take_defaults_and_submitted_values(tmp_path: Path) -> None:
    given = {"a": from_root("a", "NUMBER_INTEGER"), "b": from_root("b", "STRING")}
    task = shell('echo "$1 $2"', ["{{$.inputs.parameters['a']}}", "{{$.inputs.parameters['b']}}"], given=given)
    parameters = {"a": {"parameterType": "NUMBER_INTEGER", "defaultValue": 7}, "b": {"parameterType": "STRING"}}
    package = tiny_package(tmp_path / "p.yaml", {"first": task}, parameters=parameters)
    done = run(package, shell_cluster(tmp_path / "cluster"), {"b": "from submission"})
    assert done.tasks["first"].text == "7 from submission\n"


def test_the_environment_is_the_package_s_and_not_the_caller_s(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("CALLERS", "own")
    platform = {
        "deploymentSpec": {
            "executors": {
                "exec-first": {
                    "secretAsEnv": [
                        {
                            "secretNameParameter": {"runtimeValue": {"constant": "store"}},
                            "keyToEnv": [{"secretKey": "key", "envVar": "STORE_KEY"}],
                        },
                        {"secretName": "absent", "optional": True, "keyToEnv": [{"secretKey": "k", "envVar": "MAYBE"}]},
                    ]
                }
            }
        }
    }
    package = tiny_package(tmp_path / "p.yaml", {"first": shell("env", env={"MODE": "test"})}, platform=platform)
    done = run(package, shell_cluster(tmp_path / "cluster", secrets={"store": {"key": "s3cret"}}))
    seen = dict(line.split("=", 1) for line in done.tasks["first"].text.splitlines())
    assert (seen["MODE"], seen["STORE_KEY"]) == ("test", "s3cret")
    assert not {"PYTHONPATH", "CALLERS", "MAYBE"} & set(seen)
    assert Path(seen["HOME"]).is_relative_to(tmp_path)
    assert Path(seen["ADCLICK_LAUNCHER_ROOT"]) == Path(seen["HOME"]).parent
    # the same package where the secret is not
    done = run(package, shell_cluster(tmp_path / "other"))
    assert "couldn't find key key in secret 'store'" in done.tasks["first"].message


def test_a_volume_claim_has_to_exist(tmp_path: Path) -> None:
    mount = {"pvcNameParameter": {"runtimeValue": {"constant": "shared"}}, "mountPath": str(tmp_path / "shared")}
    platform = {"deploymentSpec": {"executors": {"exec-first": {"pvcMount": [mount]}}}}
    package = tiny_package(tmp_path / "p.yaml", {"first": shell("true")}, platform=platform)
    done = run(package, shell_cluster(tmp_path / "without"))
    assert done.tasks["first"].message == 'persistentvolumeclaim "shared" not found'
    assert run(package, shell_cluster(tmp_path / "with", claims={"shared": tmp_path / "shared"})).succeeded


def test_an_argument_beyond_the_kernel_s_limit_fails_the_task(tmp_path: Path) -> None:
    # MAX_ARG_STRLEN is 32 pages of 4 KiB
    package = tiny_package(tmp_path / "p.yaml", {"first": shell("true", ["{{$}}"], given={"x": "y" * (32 * 4096)})})
    done = run(package, shell_cluster(tmp_path / "cluster"))
    assert "Argument list too long" in done.tasks["first"].message
