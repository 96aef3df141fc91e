"""A whole run: tasks as their producers end, stopped at the first that fails. Nothing is cached.

Argo starts no further task after a failure and lets those under way end (`failFast`, the default of its DAGs).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import MappingProxyType

from google.protobuf import json_format
from launcher.bucket import Buckets
from launcher.container import Ended, Use, run_container
from launcher.driver import NEWEST, Produced, Release, RunContext, executor_input, root_parameters
from launcher.metadata import MetadataStore
from launcher.package import Package, read_package
from launcher.placeholders import command_line
from launcher.pod import Pod, PodError, check_volumes

SUCCEEDED, FAILED, SKIPPED = "SUCCEEDED", "FAILED", "SKIPPED"
PIPELINE_ROOT = "minio://mlpipeline/v2/artifacts"


@dataclass(frozen=True)
class Cluster:
    """What a run finds there. `root` keeps buckets, pods and logs; nothing else is written."""

    root: Path
    image_env: Mapping[str, str]
    """Variables of the image: PATH finds its interpreter."""
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Secrets and config maps by name."""
    claims: Mapping[str, Path] = field(default_factory=dict)
    """Volume claims; each is a folder, at the path where packages mount it."""
    release: Release = NEWEST
    parallel: int = 2
    """Pods at a time."""
    timeout_s: float = 300.0
    """For one container."""

    @property
    def buckets(self) -> Buckets:
        """The object store, kept from run to run."""
        return Buckets(self.root / "buckets")


@dataclass(frozen=True)
class TaskResult:
    """What became of a task."""

    task: str
    state: str
    log: Path
    message: str = ""
    """Why it failed, in the launcher's words."""
    status: int | None = None
    use: Use = field(default_factory=lambda: Use(0.0, 0.0, 0.0))
    missing: list[str] = field(default_factory=list)
    """Outputs that the task declared and did not leave."""
    outputs: dict[str, str] = field(default_factory=dict)
    """URI under each output key."""

    @property
    def text(self) -> str:
        """What the container said."""
        return self.log.read_text("utf-8", errors="replace") if self.log.exists() else ""


@dataclass(frozen=True)
class RunResult:
    """What became of a run."""

    tasks: dict[str, TaskResult]

    def states(self, state: str) -> set[str]:
        """Tasks in that state."""
        return {name for name, result in self.tasks.items() if result.state == state}

    @property
    def succeeded(self) -> bool:
        """Every task did."""
        return self.states(SUCCEEDED) == set(self.tasks)

    def table(self) -> str:
        """A line per task, for the failing test's output."""
        return "\n".join(
            f"{result.task:28} {result.state:10} {result.use.wall_s:6.1f} s wall {result.use.cpu_s:6.1f} s CPU "
            f"{result.use.peak_rss_mb:6.0f} MB {result.message}"
            for result in self.tasks.values()
        )


def run(
    package_file: Path,
    cluster: Cluster,
    parameters: Mapping[str, object] = MappingProxyType({}),
    pipeline_root: str = PIPELINE_ROOT,
) -> RunResult:
    """Runs the package with caching off.

    Raises:
        RefusedPackageError: the API server would not take it.
    """
    package = read_package(package_file)
    run_id = str(uuid.uuid4())
    name = package.spec.pipeline_info.name
    context = RunContext(
        run_id=run_id,
        run_name=f"{name}-{run_id[:5]}",
        # The API server appends the pipeline's name and the run's id.
        pipeline_root=f"{pipeline_root.rstrip('/')}/{name}/{run_id}",
        parameters=root_parameters(package, parameters),
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
    metadata = MetadataStore()
    produced: dict[str, Produced] = {}
    results: dict[str, TaskResult] = {}
    waiting = package.order()
    running: dict[Future[tuple[TaskResult, Produced]], str] = {}
    failed = False
    with ThreadPoolExecutor(cluster.parallel) as pool:
        while waiting or running:
            if not failed:
                for task in [task for task in waiting if package.upstream(task) <= set(produced)]:
                    if len(running) < cluster.parallel:
                        waiting.remove(task)
                        future = pool.submit(_run_task, package, task, dict(produced), context, cluster, metadata)
                        running[future] = task
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(future)
                results[task], left = future.result()
                if results[task].state == SUCCEEDED:
                    produced[task] = left
                else:
                    failed = True
    for task in waiting:
        results[task] = TaskResult(task, SKIPPED, _log(cluster, context, task))
    return RunResult({task: results[task] for task in package.order()})


def _log(cluster: Cluster, run: RunContext, task: str, attempt: int = 0) -> Path:
    return cluster.root / "logs" / run.run_id / f"{task}-{attempt}.log"


def _run_task(
    package: Package,
    task: str,
    produced: Mapping[str, Produced],
    run: RunContext,
    cluster: Cluster,
    metadata: MetadataStore,
) -> tuple[TaskResult, Produced]:
    """The task's last attempt."""
    for attempt in range(package.tasks[task].retry_policy.max_retry_count + 1):
        log = _log(cluster, run, task, attempt)
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            ended = _attempt(package, task, produced, run, cluster, metadata, log)
        except PodError as error:
            result = TaskResult(task, FAILED, log, str(error))
            continue
        if ended.status == 0:
            outputs = {name: artifact.uri for name, artifact in ended.produced.artifacts.items()}
            return TaskResult(task, SUCCEEDED, log, "", 0, ended.use, ended.missing, outputs), ended.produced
        result = TaskResult(task, FAILED, log, f"exit status {ended.status}", ended.status, ended.use)
    return result, Produced()


def _attempt(
    package: Package,
    task: str,
    produced: Mapping[str, Produced],
    run: RunContext,
    cluster: Cluster,
    metadata: MetadataStore,
    log: Path,
) -> Ended:
    container, component = package.container(task), package.component(task)
    check_volumes(package.platform(task), cluster.claims)
    pod = Pod(cluster.root / "pods" / run.run_id / log.stem)
    message = executor_input(package, task, produced, run, pod, cluster.release, str(uuid.uuid4()))
    environment = pod.environment(
        {each.name: each.value for each in container.env}, package.platform(task), cluster.secrets, cluster.image_env
    )
    words = command_line([*container.command, *container.args], component, message, pod)
    (pod.root / "executor_input.json").write_text(json_format.MessageToJson(message), "utf-8")
    return run_container(words, environment, component, message, pod, cluster.buckets, metadata, log, cluster.timeout_s)
