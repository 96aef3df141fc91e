"""`adclick simulate`: a seeded sample of an agency's data, with its truth beside it."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.simulation import Progress, Summary

USERS_PER_IMPRESSION = 0.16
MAX_MONTHS = 120
EXIT_FAILURE = 1
EXIT_BAD_ARGUMENTS = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def whole_number(lowest: int, highest: int | None = None) -> Callable[[str], int]:
    """Type of an argument that is a whole number of at least `lowest` (and at most `highest`)."""

    def parse(text: str) -> int:
        bounds = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"
        try:
            number = int(text.replace("_", ""))
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a whole number {bounds}, got {text!r}") from None
        if number < lowest or (highest is not None and number > highest):
            raise argparse.ArgumentTypeError(f"expected a whole number {bounds}, got {number}")
        return number

    return parse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    positive = whole_number(1)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="directory to write (new or empty)")
    parser.add_argument("--impressions", type=positive, default=50_000, help="over all months (default: %(default)s)")
    parser.add_argument("--creatives", type=positive, default=2_000, help="over all months (default: %(default)s)")
    parser.add_argument("--months", type=whole_number(1, MAX_MONTHS), default=1, help="from 2026-01 (default: 1)")
    parser.add_argument("--users", type=positive, help="active in a month (default: 0.16 for each of its impressions)")
    parser.add_argument("--seed", type=whole_number(0), default=7, help="same seed, same files (default: 7)")
    parser.add_argument("--force", action="store_true", help="replace the sample in DIR, and nothing else there")


def run(args: argparse.Namespace) -> int:
    """Write the sample and say what it holds; returns the exit status."""
    for name in ("impressions", "creatives"):
        if getattr(args, name) < args.months:
            return _fail(
                f"--{name} {getattr(args, name)}: each of the {args.months} months needs at least one; "
                f"pass --{name} {args.months} or more, or fewer --months",
                EXIT_BAD_ARGUMENTS,
            )
    # numpy and Pillow only from here on: `adclick simulate --help` does without
    from simulator.population import Size
    from simulator.simulation import simulate
    from simulator.writing import OutputRefusedError

    users = args.users or max(20, round(USERS_PER_IMPRESSION * args.impressions / args.months))
    size = Size(args.impressions, args.creatives, args.months, users, args.seed)
    started = time.monotonic()
    try:
        with _progress() as progress:
            summary = simulate(size, args.output, force=args.force, progress=progress)
    except OutputRefusedError as error:
        return _fail(str(error), EXIT_BAD_ARGUMENTS)
    except OSError as error:
        return _fail(f"--output {args.output}: {error}; free the space or name a writable place", EXIT_FAILURE)
    except KeyboardInterrupt:
        return _fail(
            f"interrupted; --output {args.output} holds part of a sample: --force replaces it",
            EXIT_INTERRUPTED,
        )
    sys.stdout.write(closing(args, summary, time.monotonic() - started))
    return 0


def closing(args: argparse.Namespace, summary: Summary, elapsed_s: float) -> str:
    """What was written, for a person."""
    if summary.bayes_auc is None or summary.columns_only_auc is None:
        ceiling = "none (too few impressions: all or none were clicked)"
    else:
        ceiling = f"{summary.bayes_auc:.4f} (without the images {summary.columns_only_auc:.4f})"
    months = f"{args.months} month{'s' if args.months > 1 else ''}"
    return (
        f"Simulated {months} in {elapsed_s:.1f} s (seed {args.seed})\n"
        f"  impressions  {summary.impressions:,}\n"
        f"  clicks       {summary.clicks:,} (click-through rate {summary.click_through_rate:.2%})\n"
        f"  creatives    {args.creatives:,}\n"
        f"  Bayes AUC    {ceiling}\n"
        f"  data         {args.output / 'data'}\n"
        f"  truth        {args.output / 'truth'} (no model may see it)\n"
        f"Next: adclick run --config configs/base.yaml --data-root {args.output / 'data'}\n"
    )


def _fail(message: str, status: int) -> int:
    sys.stderr.write(f"adclick simulate: {message}\n")
    return status


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar for each kind of work on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        tasks = {what: bars.add_task(what, total=None) for what in ("impressions", "creatives")}
        yield lambda what, done, total: bars.update(tasks[what], completed=done, total=total)
