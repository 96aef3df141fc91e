"""`adclick predict`: click probabilities for the rows of a file, from a running model server."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from adclick.errors import SettingsError
from serving.clients.click_client import ClickClient, Prediction
from serving.clients.client_errors import ClientError, RowError, ServerUnreachableError
from serving.clients.row_files import PlacedRow, RowFileError, read_rows
from serving.clients.row_images import BYTES_SUFFIX, attach_images

_MAX_BATCH_ROWS = 64
_MAX_BATCH_IMAGE_BYTES = 16 * 1024 * 1024  # base64 adds a third; the server takes 64 MB


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `adclick predict`."""
    parser.add_argument("rows", metavar="ROWS", help="CSV, JSON or JSON-lines file; - for standard input")
    parser.add_argument("--server", help="host:port (127.0.0.1:8501; with --grpc 127.0.0.1:8500)")
    parser.add_argument("--grpc", action="store_true", help="ask over gRPC instead of REST")
    parser.add_argument("--model-name", default="adclick", help="model to ask (adclick)")
    parser.add_argument("--image-root", type=Path, help="folder of the images that rows name, to be sent along")
    parser.add_argument("--image-feature", default="image_path", help="field with the image's path (image_path)")
    parser.add_argument("--timeout-s", type=float, default=10.0, help="longest wait for one reply (10)")
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
            predictions = predict_in_batches(client, rows, args.rows)
    except (RowFileError, SettingsError) as error:
        _complain([str(error)])
        return 2
    except ClientError as error:
        hint = "; start one with `adclick serve`" if isinstance(error, ServerUnreachableError) else ""
        _complain([f"{error}{hint}"])
        return 1
    write_predictions(sys.stdout, predictions, args.format)
    return 0


def _check_arguments(args: argparse.Namespace) -> None:
    if args.limit is not None and args.limit < 1:
        raise ValueError(f"--limit {args.limit} is not positive; leave it out for all rows")
    if args.image_root and not args.image_root.is_dir():
        raise ValueError(f"--image-root {args.image_root} is no folder; give the one that holds the images")


def _connect(args: argparse.Namespace) -> ClickClient:
    if args.grpc:
        from serving.clients.grpc_client import GrpcClient

        return GrpcClient(args.server or "127.0.0.1:8500", args.model_name, args.timeout_s)
    from serving.clients.rest_client import RestClient

    return RestClient(args.server or "127.0.0.1:8501", args.model_name, args.timeout_s)


def _unused_images(client: ClickClient, feature: str) -> list[str]:
    if feature + BYTES_SUFFIX in client.model_inputs().dtypes:
        return []
    return [
        f"the model has no input {feature + BYTES_SUFFIX!r}: images are not sent; "
        "--image-feature names the field that holds their path"
    ]


def predict_in_batches(client: ClickClient, rows: Sequence[PlacedRow], source: str) -> list[Prediction]:
    """One prediction per row, asked for in batches that stay well below the server's limit.

    Raises:
        RowFileError: for a value that cannot be sent, with file, line and field.
        ClientError: where the server does not answer, or with an error.
    """
    predictions: list[Prediction] = []
    for batch in _batches(rows):
        try:
            predictions += client.predict([row.values for row in batch])
        except RowError as error:
            raise RowFileError(f"{source}, {batch[error.row].place}, {error.described()}") from error
    return predictions


def _batches(rows: Sequence[PlacedRow]) -> Iterator[list[PlacedRow]]:
    batch: list[PlacedRow] = []
    image_bytes = 0
    for row in rows:
        size = sum(len(value) for value in row.values.values() if isinstance(value, bytes))
        if batch and (len(batch) == _MAX_BATCH_ROWS or image_bytes + size > _MAX_BATCH_IMAGE_BYTES):
            yield batch
            batch, image_bytes = [], 0
        batch.append(row)
        image_bytes += size
    if batch:
        yield batch


def write_predictions(out: TextIO, predictions: Sequence[Prediction], form: str) -> None:
    """Writes row number (from 1), click probability and model version, as a table, JSON or CSV."""
    if form == "json":
        records = [
            {"row": row, "click_probability": one.click_probability, "model_version": one.model_version}
            for row, one in enumerate(predictions, start=1)
        ]
        out.write(json.dumps(records, indent=1) + "\n")
    elif form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["row", "click_probability", "model_version"])
        for row, one in enumerate(predictions, start=1):
            writer.writerow([row, f"{one.click_probability:.9g}", _version(one)])
    else:
        out.write(f"{'row':>6}  {'click probability':>17}  model version\n")
        for row, one in enumerate(predictions, start=1):
            out.write(f"{row:>6}  {one.click_probability:>17.6f}  {_version(one)}\n")


def _version(prediction: Prediction) -> str:
    return "unknown" if prediction.model_version is None else str(prediction.model_version)


def _complain(lines: Sequence[str]) -> None:
    for line in lines:
        sys.stderr.write(f"adclick predict: {line}\n")
