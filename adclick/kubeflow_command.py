"""`adclick kubeflow` and run_kubeflow.py: the pipeline compiled, checked, submitted and watched."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from adclick.errors import AdclickError

if TYPE_CHECKING:
    from configs.settings import Settings

FOUND = 1
"""Exit status of `lint` where it found something."""
OUTPUT = "pipeline.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Verbs of the verb."""
    verbs = parser.add_subparsers(dest="kubeflow_verb", metavar="VERB", required=True)
    told = "write the pipeline as a file for Kubeflow Pipelines and Vertex AI"
    compiling = verbs.add_parser("compile", help=told, description=told)
    add_settings_arguments(compiling)
    compiling.add_argument("--output", metavar="FILE", default=OUTPUT, help=f"file to write ({OUTPUT})")
    compiling.add_argument("--fresh", action="store_true", help="no component may be answered from the cache")
    compiling.set_defaults(run=_compile)
    told = "find what keeps a compiled pipeline, of whatever package, from running on Kubeflow Pipelines"
    linting = verbs.add_parser("lint", help=told, description=told)
    linting.add_argument("file", metavar="FILE", help="compiled pipeline: .yaml, an archive of it, or .json")
    linting.set_defaults(run=_lint)


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the settings come from, as for `adclick run`."""
    parser.add_argument("--config", metavar="FILE", help="settings that differ from configs/base.yaml")
    parser.add_argument("--set", metavar="a.b=value", action="append", default=[], help="one setting; may be repeated")


def run(args: argparse.Namespace) -> int:
    """The verb's exit status; 2 for settings or files that cannot be used."""
    try:
        return int(args.run(args))
    except AdclickError as error:
        print(f"adclick kubeflow: {error}", file=sys.stderr)
        return error.exit_status


def settings_of(args: argparse.Namespace) -> Settings:
    """Files and words, and over them a search's best values where `tuner.best` names its file. Raises SettingsError.

    The usual file of best values is of this machine's runs, so that it is not looked for.
    """
    from configs.best_values import find_best
    from configs.loading import load_settings

    settings = load_settings(args.config, args.set)
    if settings.tuner.best is None:
        return settings
    reused, _ = find_best(settings, Path(settings.tuner.best))
    return settings if reused is None else load_settings(args.config, args.set, (), reused.layer)


def _compile(args: argparse.Namespace) -> int:
    from adclick.garbage import no_collection
    from adclick.lazy_imports import postpone_heavy_leaves
    from adclick.stack import prepare_environment

    settings = settings_of(args)
    prepare_environment()
    postpone_heavy_leaves()
    with no_collection():
        from pipeline.kubeflow.compile import compile_pipeline

        file = compile_pipeline(settings, Path(args.output), enable_cache=not args.fresh)
    print(file)
    return 0


def _lint(args: argparse.Namespace) -> int:
    from pipeline.kubeflow.lint import lint

    findings = lint(Path(args.file))
    for finding in findings:
        print(f"{args.file}: {finding.place}: {finding.message} (incompatibility {finding.row})\n  {finding.mend}")
    if not findings:
        print(f"{args.file}: nothing found")
    return FOUND if findings else 0
