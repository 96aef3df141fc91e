"""`adclick kubeflow submit` and `status`: a compiled pipeline runs on Kubeflow Pipelines or Vertex AI Pipelines."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adclick.errors import AdclickError, SettingsError
from adclick.progress import LiveProgress, PlainProgress, terminal
from adclick.run import force_reason

if TYPE_CHECKING:
    from configs.settings import Settings
    from pipeline.kubeflow.submission.api import PipelineApi

Progress = LiveProgress | PlainProgress
INTERRUPTED = 130
FORCE_PARAMETER = "force_bless"
"""Of the compiled pipeline."""
HELP = {
    "submit": "upload a compiled pipeline, start a run of it or put it on its schedule, and show how it goes",
    "status": "how a run stands: the one with this ID, or the newest of the experiment",
}


def add_submit_verbs(subparsers: Any) -> None:
    """Adds both verbs to what `ArgumentParser.add_subparsers` returned; `args.run(args)` runs the chosen one."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", metavar="FILE", help="settings that differ from configs/base.yaml")
    common.add_argument("--set", metavar="a.b=value", action="append", default=[], help="one setting; may be repeated")
    common.add_argument("--no-progress", action="store_true", help="plain lines instead of the live table")

    def verb(name: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = subparsers.add_parser(
            name, parents=[common], help=HELP[name], description=HELP[name]
        )
        parser.set_defaults(run=run)
        return parser

    submit = verb("submit", run_submit)
    submit.add_argument("--package", metavar="FILE", default="pipeline.yaml", help="compiled pipeline (pipeline.yaml)")
    submit.add_argument("--schedule", action="store_true", help="make or update the recurring run instead of a run")
    submit.add_argument("--no-wait", action="store_true", help="end as soon as the run is started")
    submit.add_argument("--fresh", action="store_true", help="run every component, whatever an earlier run left")
    submit.add_argument(
        "--force-bless",
        metavar="REASON",
        help="the model goes into service though the gate on the model refuses it; the reason is kept",
    )
    status = verb("status", run_status)
    status.add_argument("run_id", metavar="RUN_ID", nargs="?", help="ID of the run (the experiment's newest)")
    status.add_argument("--follow", action="store_true", help="wait for its end")
    status.add_argument("--json", action="store_true", help="print how it stands as one JSON document")


def run_submit(args: argparse.Namespace) -> int:
    """Exit status: 0 pushed, or without waiting: started; 3 nothing pushed, 4 stopped by the data gate, 2 settings or
    rights will not do, 1 failure. 3 only where the run's report can be read from here."""
    return _with_progress(args, _submit)


def run_status(args: argparse.Namespace) -> int:
    """Exit status: as `submit` for a run that ended; 0 for one under way."""
    return _with_progress(args, _status)


def _with_progress(args: argparse.Namespace, act: Callable[[argparse.Namespace, Settings, Progress], int]) -> int:
    from configs.loading import load_settings

    stream = terminal()
    live = stream.isatty() and not args.no_progress
    progress: Progress = LiveProgress(stream) if live else PlainProgress(stream)
    try:
        return act(args, load_settings(args.config, args.set), progress)
    except AdclickError as error:
        progress.close()
        print(f"adclick kubeflow: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        progress.close()
        print("adclick kubeflow: a run that was started goes on: `adclick kubeflow status --follow`", file=sys.stderr)
        return INTERRUPTED
    finally:
        progress.close()
        stream.close()


def _submit(args: argparse.Namespace, settings: Settings, progress: Progress) -> int:
    from pipeline.kubeflow.submission.api import open_api
    from pipeline.kubeflow.submission.package import check_parameters, read_package

    if args.force_bless is not None and args.schedule:
        raise SettingsError("--force-bless: is for one run that somebody looks at, and not for a schedule")
    package = read_package(Path(args.package))
    given = dict(settings.submission.parameters)
    if args.force_bless is not None:
        given[FORCE_PARAMETER] = force_reason(args.force_bless)
    parameters = check_parameters(package, given)
    if args.fresh or not settings.submission.caching:
        package = package.without_caching()
    api = open_api(settings)
    if args.schedule:
        done = api.schedule(package, parameters)
        progress.say(f"adclick: recurring run {done.name!r} {done.change} ({done.schedule_id}) at {api.address}")
        for former in done.disabled:
            progress.say(f"  disabled the former one ({former})")
        return 0
    run_id = api.start(package, parameters)
    progress.say(f"adclick: {package.name!r} runs at {api.address}; look at it with `adclick kubeflow status`")
    progress.say(f"run_id: {run_id}")
    if args.no_wait:
        return 0
    return _follow(api, settings, run_id, package.tasks, progress)


def _status(args: argparse.Namespace, settings: Settings, progress: Progress) -> int:
    from pipeline.kubeflow.submission.api import open_api
    from pipeline.kubeflow.submission.verdict import read_summary
    from pipeline.kubeflow.submission.watching import exit_status, show, standing

    api = open_api(settings)
    run_id = args.run_id or api.newest()
    if args.follow:
        return _follow(api, settings, run_id, api.steps(run_id), progress)
    view = api.look(run_id)
    summary = read_summary(settings, run_id) if view.ended else None
    if args.json:
        document = {**view._asdict(), "tasks": {name: task._asdict() for name, task in view.tasks.items()}}
        document["verdict"] = None if summary is None else summary["verdict"]
        document["pushed_version"] = None if summary is None else summary["pushed_version"]
        print(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        show(view, api.steps(run_id), progress)
        progress.close()
        progress.say(standing(view, summary, api.log_command(run_id)))
    return exit_status(view, summary)


def _follow(api: PipelineApi, settings: Settings, run_id: str, nodes: Sequence[str], progress: Progress) -> int:
    from pipeline.kubeflow.submission.verdict import read_summary
    from pipeline.kubeflow.submission.watching import exit_status, standing, watch

    try:
        view = watch(lambda: api.look(run_id), nodes, progress, settings.submission)
    except AdclickError as error:
        error.args = (f"{error}\n  run {run_id} goes on: `adclick kubeflow status {run_id} --follow`",)
        raise
    summary = read_summary(settings, run_id)
    progress.close()
    progress.say(standing(view, summary, api.log_command(run_id)))
    return exit_status(view, summary)
