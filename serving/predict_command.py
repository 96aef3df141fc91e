"""`adclick predict`: click probabilities for the rows of a file, from a running model server."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from adclick.errors import SettingsError
from serving.clients.click_client import DEFAULT_RETRIES, DEFAULT_TIMEOUT_S, ClickClient
from serving.clients.client_errors import ClientError, RowError, ServerRefusedError, ServerUnreachableError
from serving.clients.predictions import Prediction
from serving.clients.row_files import PlacedRow, RowFileError, read_rows
from serving.clients.row_images import BYTES_SUFFIX, attach_images

_UNREADABLE = "unreadable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `adclick predict`."""
    parser.add_argument("rows", metavar="ROWS", help="CSV, JSON or JSON-lines file; - for standard input")
    parser.add_argument(
        "--server",
        help="host:port (127.0.0.1:8501; with --grpc 127.0.0.1:8500), http[s]://host[:port], or with --grpc unix:/path",
    )
    parser.add_argument("--grpc", action="store_true", help="ask over gRPC instead of REST")
    parser.add_argument("--model-name", default="adclick", help="model to ask (adclick)")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--model-version", type=int, help="version to ask (the newest in service)")
    chosen.add_argument("--label", help="label of the version to ask")
    parser.add_argument("--image-root", type=Path, help="folder of the images that rows name, to be sent along")
    parser.add_argument("--image-feature", default="image_path", help="field with the image's path (image_path)")
    parser.add_argument(
        "--timeout-s", type=float, default=DEFAULT_TIMEOUT_S, help="longest wait for one reply, retries included (10)"
    )
    parser.add_argument(
        "--retries", type=int, default=DEFAULT_RETRIES, help="how often a busy or lost server is asked again (2)"
    )
    parser.add_argument("--limit", type=int, help="predict the first so many rows only")
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table", help="what to print (table)")


def run(args: argparse.Namespace) -> int:
    """Prints one line per row. Exit status 2: bad arguments or rows; 1: no answer from the server."""
    try:
        _check_arguments(args)
        rows = read_rows(args.rows, args.limit)
        if args.image_root:
            rows, warnings = attach_images(rows, args.image_root, args.image_feature, args.rows)
            _complain(warnings)
        client = _connect(args)
    except (RowFileError, ValueError) as error:
        _complain([str(error)])
        return 2
    try:
        with client:
            if args.image_root:
                _complain(_unused_images(client, args.image_feature))
            predictions = _predict(client, rows, args.rows)
    except (RowFileError, SettingsError) as error:
        _complain([str(error)])
        return 2
    except ClientError as error:
        hint = "; start one with `adclick serve`" if isinstance(error, ServerUnreachableError) else ""
        _complain([f"{error}{hint}"])
        return 1
    _complain(_unreadable_images(rows, predictions, args))
    write_predictions(sys.stdout, predictions, args.format)
    return 0


def _check_arguments(args: argparse.Namespace) -> None:
    if args.limit is not None and args.limit < 1:
        raise ValueError(f"--limit {args.limit} is not positive; leave it out for all rows")
    if args.image_root and not args.image_root.is_dir():
        raise ValueError(f"--image-root {args.image_root} is no folder; give the one that holds the images")


def _connect(args: argparse.Namespace) -> ClickClient:
    kind: type[ClickClient]
    if args.grpc:
        from serving.clients.grpc_client import GrpcClient as kind  # noqa: N813 (one of two, chosen here)
    else:
        from serving.clients.rest_client import RestClient as kind  # noqa: N813 (likewise)
    return kind(
        args.server,
        args.model_name,
        args.timeout_s,
        retries=args.retries,
        version=args.model_version,
        label=args.label,
    )


def _unused_images(client: ClickClient, feature: str) -> list[str]:
    if feature + BYTES_SUFFIX in client.model_inputs().dtypes:
        return []
    return [
        f"the model has no input {feature + BYTES_SUFFIX!r}: images are not sent; "
        "--image-feature names the field that holds their path"
    ]


def _predict(client: ClickClient, rows: Sequence[PlacedRow], source: str) -> list[Prediction]:
    """Raises RowFileError, with file and line, where a value cannot be sent or the server refuses a single row."""
    try:
        return client.predict([row.values for row in rows])
    except RowError as error:
        raise RowFileError(f"{source}, {rows[error.row].place}, {error.described()}") from error
    except ServerRefusedError as error:
        if error.row is None:
            raise
        raise RowFileError(f"{source}, {rows[error.row].place}: {error.said()}") from error


def _unreadable_images(
    rows: Sequence[PlacedRow], predictions: Sequence[Prediction], args: argparse.Namespace
) -> list[str]:
    return [
        f"{args.rows}, {row.place}, field {args.image_feature!r}, value {row.values.get(args.image_feature)!r}: "
        "the model cannot read the image; predicted as an unknown creative"
        for row, one in zip(rows, predictions, strict=True)
        if one.creative_status == _UNREADABLE
    ]


def write_predictions(out: TextIO, predictions: Sequence[Prediction], form: str) -> None:
    """Writes row number (from 1), click probability, model version and, where the model gives it, `creative`.

    `form` is table, json or csv. `creative` is what became of the row's image, see Prediction.creative_status.
    """
    creative = any(one.creative_status is not None for one in predictions)
    header = ["row", "click_probability", "model_version", *(["creative"] if creative else [])]
    if form == "json":
        records = [
            dict(zip(header, (row, one.click_probability, one.model_version, one.creative_status), strict=False))
            for row, one in enumerate(predictions, start=1)
        ]
        out.write(json.dumps(records, indent=1) + "\n")
    elif form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        for row, one in enumerate(predictions, start=1):
            cells = [row, f"{one.click_probability:.9g}", _version(one), one.creative_status or ""]
            writer.writerow(cells[: len(header)])
    else:
        width = max([len("model version"), *(len(_version(one)) for one in predictions)]) if creative else 0
        title = "model version" + (f"{'':{width - len('model version')}}  creative" if creative else "")
        out.write(f"{'row':>6}  {'click probability':>17}  {title}\n")
        for row, one in enumerate(predictions, start=1):
            last = f"  {one.creative_status or ''}" if creative else ""
            out.write(f"{row:>6}  {one.click_probability:>17.6f}  {_version(one):<{width}}{last}\n")


def _version(prediction: Prediction) -> str:
    return "unknown" if prediction.model_version is None else str(prediction.model_version)


def _complain(lines: Sequence[str]) -> None:
    for line in lines:
        sys.stderr.write(f"adclick predict: {line}\n")
