"""The emulator's order of tasks, its way with outputs, and what stops it."""

from __future__ import annotations

import time
from pathlib import Path

from launcher.run import SKIPPED, SUCCEEDED, run
from launcher.tiny import from_task, shell, shell_cluster, tiny_package

OUT = "{{$.outputs.artifacts['out'].path}}"
IN = "{{$.inputs.artifacts['in'].path}}"
# a task that copies its input folder and adds a line, as a producer and a consumer both do
WRITE = 'mkdir -p "$1" && echo one > "$1/rows"'
ADD = 'mkdir -p "$2" && cp "$1/rows" "$2/rows" && echo two >> "$2/rows"'


def test_outputs_reach_the_next_task_through_the_bucket_alone(tmp_path: Path) -> None:
    tasks = {
        "last": shell('cat "$1/rows"; ls -A', [IN], takes={"in": "mid/out"}),
        "mid": shell(ADD, [IN, OUT], takes={"in": "first/out"}, gives=["out"]),
        "first": shell(WRITE, [OUT], gives=["out"]),
    }
    cluster = shell_cluster(tmp_path / "cluster")
    done = run(tiny_package(tmp_path / "p.yaml", tasks), cluster)
    assert done.succeeded, done.table()
    assert list(done.tasks) == ["first", "mid", "last"]
    # both lines came through two buckets' worth of copies, and the working folder was empty
    assert done.tasks["last"].text == "one\ntwo\n"
    uri = done.tasks["mid"].outputs["out"]
    assert uri.startswith("minio://mlpipeline/v2/artifacts/tiny/")
    assert (cluster.buckets.place(uri) / "rows").read_text() == "one\ntwo\n"
    # a pod sees its own mounts only
    (pod,) = (tmp_path / "cluster" / "pods").glob("*/last-0")
    assert list(pod.glob("minio/**/mid/*/out/*"))
    assert not list(pod.glob("minio/**/first/*/out/*"))


def test_the_first_failure_stops_the_graph_and_lists_what_was_not_run(tmp_path: Path) -> None:
    tasks = {
        "a": shell(WRITE, [OUT], gives=["out"]),
        "b": shell("echo it broke >&2; exit 3", after=["a"]),
        "c": shell("true", after=["b"]),
        "d": shell("true", after=["c"]),
    }
    done = run(tiny_package(tmp_path / "p.yaml", tasks), shell_cluster(tmp_path / "cluster"))
    assert done.states(SUCCEEDED) == {"a"}
    assert (done.tasks["b"].status, done.tasks["b"].message, done.tasks["b"].text) == (3, "exit status 3", "it broke\n")
    assert done.states(SKIPPED) == {"c", "d"}
    assert not done.succeeded


def test_a_missing_output_is_a_warning_and_its_consumer_finds_nothing(tmp_path: Path) -> None:
    tasks = {
        "first": shell("true", gives=["out"]),
        "second": shell('test ! -e "$1" && echo nothing there; exit 5', [IN], takes={"in": "first/out"}),
        "third": shell("true", after=["second"]),
    }
    done = run(tiny_package(tmp_path / "p.yaml", tasks), shell_cluster(tmp_path / "cluster"))
    assert done.tasks["first"].state == SUCCEEDED
    assert done.tasks["first"].missing == ["out"]
    assert (done.tasks["second"].status, done.tasks["second"].text) == (5, "nothing there\n")
    assert done.states(SKIPPED) == {"third"}


def test_an_empty_folder_does_not_survive_the_bucket(tmp_path: Path) -> None:
    tasks = {
        "first": shell('mkdir -p "$1/empty" && echo x > "$1/file"', [OUT], gives=["out"]),
        "second": shell('ls "$1"', [IN], takes={"in": "first/out"}),
    }
    done = run(tiny_package(tmp_path / "p.yaml", tasks), shell_cluster(tmp_path / "cluster"))
    assert done.tasks["second"].text == "file\n"


def test_a_missing_output_parameter_fails_the_task(tmp_path: Path) -> None:
    tasks = {
        "first": shell("true", gives_parameters={"rows": "NUMBER_INTEGER"}),
        "second": shell(
            "true", ["{{$.inputs.parameters['n']}}"], given={"n": from_task("first", "rows", "NUMBER_INTEGER")}
        ),
    }
    done = run(tiny_package(tmp_path / "p.yaml", tasks), shell_cluster(tmp_path / "cluster"))
    assert "failed to read output parameter name='rows'" in done.tasks["first"].message
    assert done.states(SKIPPED) == {"second"}


def test_output_parameters_are_fed_on(tmp_path: Path) -> None:
    name = "{{$.outputs.parameters['rows'].output_file}}"
    tasks = {
        "first": shell('printf 41 > "$1"', [name], gives_parameters={"rows": "NUMBER_INTEGER"}),
        "second": shell(
            'echo "$1"',
            ["rows={{$.inputs.parameters['n']}}"],
            given={"n": from_task("first", "rows", "NUMBER_INTEGER")},
        ),
    }
    done = run(tiny_package(tmp_path / "p.yaml", tasks), shell_cluster(tmp_path / "cluster"))
    assert done.succeeded, done.table()
    assert done.tasks["second"].text == "rows=41\n"


def test_independent_tasks_run_side_by_side_and_end_by_themselves_after_a_failure(tmp_path: Path) -> None:
    tasks = {
        "breaks": shell("sleep 0.2; exit 1"),
        "runs": shell("sleep 0.6; echo ended"),
        "waits": shell("true", after=["runs"]),
    }
    done = run(tiny_package(tmp_path / "p.yaml", tasks), shell_cluster(tmp_path / "cluster"))
    assert done.tasks["runs"].text == "ended\n"
    assert done.states(SUCCEEDED) == {"runs"}
    assert done.states(SKIPPED) == {"waits"}


def test_retries_have_pods_of_their_own(tmp_path: Path) -> None:
    counter = tmp_path / "attempts"
    script = f"echo x >> {counter}; test $(wc -l < {counter}) = 2 && ls -A"
    tasks = {"flaky": shell(script, retries=2)}
    done = run(tiny_package(tmp_path / "p.yaml", tasks), shell_cluster(tmp_path / "cluster"))
    assert done.succeeded, done.table()
    assert done.tasks["flaky"].log.name == "flaky-1.log"


def test_what_a_container_starts_ends_with_it(tmp_path: Path) -> None:
    tasks = {"first": shell("sleep 60 & echo $!")}
    done = run(tiny_package(tmp_path / "p.yaml", tasks), shell_cluster(tmp_path / "cluster"))
    left = Path("/proc") / done.tasks["first"].text.strip() / "status"
    deadline = time.monotonic() + 5
    while left.exists() and "Z (zombie)" not in left.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left.exists() or "Z (zombie)" in left.read_text()


def test_a_container_that_hangs_is_ended(tmp_path: Path) -> None:
    tasks = {"hangs": shell("sleep 60")}
    cluster = shell_cluster(tmp_path / "cluster")
    quick = type(cluster)(cluster.root, cluster.image_env, timeout_s=0.3)
    done = run(tiny_package(tmp_path / "p.yaml", tasks), quick)
    assert done.tasks["hangs"].status == -9


def test_use_is_measured_per_container(tmp_path: Path) -> None:
    tasks = {"busy": shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"), "idle": shell("sleep 0.3")}
    done = run(tiny_package(tmp_path / "p.yaml", tasks), shell_cluster(tmp_path / "cluster"))
    busy, idle = done.tasks["busy"].use, done.tasks["idle"].use
    assert idle.wall_s >= 0.3 > idle.cpu_s
    assert busy.cpu_s > 0
    assert busy.peak_rss_mb > 0
