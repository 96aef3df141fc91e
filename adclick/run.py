"""`adclick run` and run_local.py: settings in, the whole graph on local Beam, a verdict out."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from adclick.errors import AdclickError, SettingsError
from adclick.progress import LiveProgress, PlainProgress, terminal

if TYPE_CHECKING:
    from configs.settings import Settings
    from pipeline.locations import Locations

FAILURE, INTERRUPTED = 1, 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stable interface of run_local.py."""
    parser.add_argument("--config", metavar="FILE", help="settings that differ from configs/base.yaml")
    parser.add_argument("--data-root", metavar="URI", help="folder with the CSV files and images (data.root)")
    parser.add_argument("--output-root", metavar="DIR", help="folder for everything the run writes (output_root)")
    parser.add_argument("--set", metavar="a.b=value", action="append", default=[], help="one setting; may be repeated")
    parser.add_argument(
        "--accept",
        metavar="FEATURE[:TYPE]",
        action="append",
        default=[],
        help="a feature's anomalies are recorded and do not stop the run; may be repeated (anomalies.accept)",
    )
    parser.add_argument(
        "--force-bless",
        metavar="REASON",
        help="the model goes into service though the gate on the model refuses it; the reason is kept",
    )
    parser.add_argument("--fresh", action="store_true", help="run every component, whatever an earlier run left")
    parser.add_argument("--no-progress", action="store_true", help="plain lines instead of the live table")


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 pushed, 3 nothing pushed, 4 stopped by the data gate, 2 bad settings, 1 failure."""
    stream = terminal()
    live = stream.isatty() and not args.no_progress
    progress = LiveProgress(stream) if live else PlainProgress(stream)
    try:
        return _run(args, progress)
    except AdclickError as error:
        progress.close()
        print(f"adclick: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        progress.close()
        print("adclick: interrupted; run the same command again to go on where it stopped", file=sys.stderr)
        return INTERRUPTED
    finally:
        progress.close()
        stream.close()


def _run(args: argparse.Namespace, progress: LiveProgress | PlainProgress) -> int:
    began = time.monotonic()
    progress.say("adclick: reading settings")
    from adclick.filesystem import is_folder
    from adclick.privacy import key_from_environment
    from adclick.tuning_report import BEST_FILE
    from configs.best_values import find_best
    from configs.loading import load_settings
    from pipeline.locations import locations

    overrides = list(args.set)
    if args.data_root:
        overrides.append(f"data.root={_quoted(args.data_root)}")
    if args.output_root:
        overrides.append(f"output_root={_quoted(args.output_root)}")
    force_bless = force_reason(args.force_bless)
    settings = load_settings(args.config, overrides, args.accept)
    reused, not_reused = find_best(settings, locations(settings).tuning / BEST_FILE)
    if reused is not None:
        settings = load_settings(args.config, overrides, args.accept, reused.layer)
        progress.say(f"adclick: with the values that a search found: {reused.file}")
    if not is_folder(settings.data.root):
        raise SettingsError(
            f"data.root: {settings.data.root}: no such folder; give the folder with the CSV files to --data-root, "
            "or draw a sample with `adclick simulate --output data/sample`"
        )
    for feature in settings.features.hashed_names[:1]:
        key_from_environment(feature)
    places = locations(settings)
    _require_stores(settings, places)
    run_id = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    logs = places.logs / run_id
    with _claimed(places.output_root), _temporary_files_in(places.temporary):
        progress.say(f"adclick: {settings.data.root} → {places.output_root} (run {run_id}); loading TensorFlow and TFX")
        from adclick.garbage import no_collection
        from adclick.lazy_imports import postpone_heavy_leaves
        from adclick.redirection import output_to
        from adclick.stack import prepare_environment

        prepare_environment()
        postpone_heavy_leaves()
        logs.mkdir(parents=True)
        with output_to(logs / "00-start.log"), no_collection():
            from adclick.local_run import run_to_summary

        status, text = run_to_summary(
            settings,
            places,
            run_id,
            logs,
            progress,
            fresh=args.fresh,
            force_bless=force_bless,
            reused=reused,
            not_reused=not_reused,
        )
    progress.close()
    progress.say(text)
    progress.say(f"\n{time.monotonic() - began:.0f} s in all")
    return status


def force_reason(words: str | None) -> str:
    """In one line; empty where nothing is forced. Raises SettingsError for a reason without a word in it."""
    if words is None:
        return ""
    reason = " ".join(words.split())
    if not any(character.isalnum() for character in reason):
        raise SettingsError(
            "--force-bless: needs a reason, which is kept with the model: "
            "--force-bless 'clicks of one day are missing, ticket 4711'"
        )
    return reason


def _require_stores(settings: Settings, places: Locations) -> None:
    """Asks stores and the model server for what the run will want, before anything heavy starts.

    Raises AdclickError, for a store SettingsError.
    """
    from adclick.filesystem import is_folder, require_writable
    from adclick.stores import is_remote
    from configs.evaluation import SERVED_FOLDER

    if settings.features.image and is_remote(settings.image_root) and not is_folder(settings.image_root):
        raise SettingsError(
            f"creatives.root: {settings.image_root}: no such folder; give the one that holds the images"
        )
    for place in (places.pipeline_root, places.model_folder):
        if is_remote(place):
            require_writable(place)
    if settings.evaluation.baseline != SERVED_FOLDER:
        from components.served_model.status import require_answer

        require_answer(settings.evaluation.baseline, settings.push.model_name)


def _quoted(path: str) -> str:
    """A path as YAML that stays the same string, whatever is in it."""
    return json.dumps(path, ensure_ascii=False)


@contextlib.contextmanager
def _claimed(output_root: Path) -> Iterator[None]:
    """One run at a time: MLMD's SQLite file bears one writer. Raises SettingsError where the folder cannot be used."""
    try:
        output_root.mkdir(parents=True, exist_ok=True)
        lock = (output_root / ".lock").open("w")
    except OSError as error:
        raise SettingsError(
            f"output_root: {output_root}: cannot be written ({error.strerror}); "
            "give a folder of your own to --output-root"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"output_root: {output_root}: another run is using it; "
                "wait for it or give another folder to --output-root"
            ) from None
        yield


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Keeps what libraries write to temporary and home folders inside the output root, and removes it at the end."""
    import shutil
    import tempfile

    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ.get(name) for name in ("TMPDIR", "KERAS_HOME", "MPLCONFIGDIR", "IPYTHONDIR")}
    os.environ.update(dict.fromkeys(kept, str(folder)))
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
        shutil.rmtree(folder, ignore_errors=True)
