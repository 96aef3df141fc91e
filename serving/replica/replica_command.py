"""Flags, intervals, signals and exit statuses of `python -m serving.replica`."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from adclick.errors import AdclickError
from components.pusher.versions import versions
from serving.replica.following import follow
from serving.replica.heartbeat import mark_look, seconds_since_look


def build_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.replica",
        description="Keeps a local copy of a model's folder in a store, for TF Serving or adclick's server to watch.",
    )
    parser.add_argument("--source", metavar="URI", help="the model's folder: push.root/push.model_name")
    parser.add_argument("--target", metavar="DIR", type=Path, required=True, help="the folder that the server watches")
    parser.add_argument("--keep", metavar="N", type=_at_least_one, default=2, help="newest versions to have (2)")
    parser.add_argument("--interval-s", metavar="S", type=_positive, default=30.0, help="between two looks (30)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--once", action="store_true", help="look once; status 1 if no version is in DIR then")
    what.add_argument(
        "--check", metavar="S", type=_positive, help="ask nothing: status 1 if there was no look for S seconds"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done or ended by SIGTERM, 1 see the flags, 2 flags that will not do."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.check is not None:
        return _check(args.target, args.check)
    if not args.source:
        parser.error("--source is missing: give the model's folder, such as s3://models/adclick")
    if args.once:
        _look(args)
        if not versions(args.target):
            _say(f"no version of {args.source} in {args.target} yet", error=True)
            return 1
        return 0
    return _follow_until_told(args)


def _follow_until_told(args: argparse.Namespace) -> int:
    told = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        told.set()

    # A container's first process has no default handler: without one of its own, SIGTERM does nothing to it.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    # It goes on whatever happens: a container that ends would make its pod unready, and the versions here still answer.
    while not told.is_set():
        _look(args)
        told.wait(args.interval_s)
    return 0


def _look(args: argparse.Namespace) -> None:
    try:
        changes = follow(args.source, args.target, args.keep)
    except (AdclickError, OSError) as error:
        _say(f"{error}; what is in {args.target} stays", error=True)
    else:
        for version in changes.fetched:
            _say(f"version {version} is in {args.target}")
        for version in changes.removed:
            _say(f"version {version} was removed: the store has newer ones, or it was withdrawn there")
        for version, reason in changes.refused.items():
            _say(f"version {version} was not taken: {reason}", error=True)
    with contextlib.suppress(OSError):  # a full disk was told above
        mark_look(args.target, time.time())


def _check(target: Path, longest_s: float) -> int:
    since_s = seconds_since_look(target, time.time())
    if since_s is None or since_s > longest_s:
        _say("no look at the store yet" if since_s is None else f"last look {since_s:.0f} s ago", error=True)
        return 1
    return 0


def _at_least_one(text: str) -> int:
    return (
        int(text) if text.isascii() and text.isdigit() and int(text) > 0 else _refuse(f"{text!r} is no number from 1")
    )


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    return value if 0 < value < float("inf") else _refuse(f"{text!r} is no number of seconds above 0")


def _refuse(reason: str) -> NoReturn:
    raise argparse.ArgumentTypeError(reason)


def _say(line: str, error: bool = False) -> None:
    stream = sys.stderr if error else sys.stdout
    stream.write(f"adclick replica: {line}\n")
    stream.flush()
