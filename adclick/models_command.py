"""`adclick models`: which versions of a model there are, and which of them is in service."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adclick.errors import AdclickError, SettingsError

if TYPE_CHECKING:
    from components.pusher.overview import VersionView

HELP = {
    "list": "every version, its state, labels and figures",
    "show": "one version: its record, files and history",
    "rollback": "take newer versions out of service, so that an older one answers",
    "promote": "put an older or withdrawn version into service",
    "adopt": "put a version of another model folder, such as staging's, into service here",
    "label": "name a version, so that clients can ask for it by the name",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb: an action, and which model it is about."""
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--output-root", metavar="DIR", default="out", help="folder that `adclick run` wrote (out)")
    place.add_argument("--model-name", metavar="NAME", default="adclick", help="push.model_name of the runs (adclick)")
    place.add_argument("--model-folder", metavar="URI", help="folder with the versions, where push.root was set")
    place.add_argument("--json", action="store_true", help="print one JSON document")
    change = argparse.ArgumentParser(add_help=False)
    change.add_argument("--who", help="who does it (the account that runs the command)")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return actions.add_parser(name, parents=[place, *parents], help=HELP[name], description=HELP[name])

    action("list")
    action("show").add_argument("version", metavar="VERSION", type=_number)
    rollback = action("rollback", change)
    rollback.add_argument("--to", metavar="VERSION", type=_number, help="the version to go back to (the one before)")
    rollback.add_argument("--reason", required=True, help="why; kept in the history")
    promote = action("promote", change)
    promote.add_argument("version", metavar="VERSION", type=_number)
    promote.add_argument("--reason", required=True, help="why; kept in the history")
    adopt = action("adopt", change)
    adopt.add_argument(
        "version", metavar="VERSION", type=_number, nargs="?", help="its number there (in service there)"
    )
    adopt.add_argument("--from", dest="source", metavar="URI", required=True, help="the model folder to copy it from")
    adopt.add_argument("--reason", required=True, help="why; kept in the history")
    label = action("label", change)
    label.add_argument("label", metavar="NAME")
    label.add_argument("version", metavar="VERSION", type=_number, nargs="?")
    label.add_argument("--delete", action="store_true", help="take the label away")
    label.add_argument("--reason", default="", help="why; kept in the history")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no version; give a number that `adclick models list` shows")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 done, 2 a version, label or folder that will not do, 1 another failure."""
    try:
        folder = _model_folder(args)
        document, lines = {
            "list": _list, "show": _show, "rollback": _rollback, "promote": _promote, "adopt": _adopt,
            "label": _label,
        }[args.action](args, folder)  # fmt: skip
    except AdclickError as error:
        print(f"adclick models: {error}", file=sys.stderr)
        return error.exit_status
    except OSError as error:
        print(f"adclick models: {error.filename or args.model_folder}: {error.strerror or error}", file=sys.stderr)
        return 1
    print(json.dumps(document, indent=1, ensure_ascii=False) if args.json else "\n".join(lines))
    return 0


def _model_folder(args: argparse.Namespace) -> str:
    """As a server is told it. Raises SettingsError where nothing is there."""
    from adclick.filesystem import is_folder, join
    from adclick.stores import is_remote

    given = args.model_folder
    folder = given.rstrip("/") if given else join(join(args.output_root, "serving"), args.model_name)
    if not is_remote(folder):
        from pathlib import Path

        folder = str(Path(folder).resolve())
    if not is_folder(folder) and args.action != "adopt":  # the first model may come from elsewhere
        raise SettingsError(
            f"{folder}: no such folder; name one with --output-root and --model-name, or with --model-folder, "
            "or push a first model with `adclick run`"
        )
    return folder


Told = tuple[Any, list[str]]
"""The JSON document, and the same as lines for a person."""


def _list(_: argparse.Namespace, folder: str) -> Told:
    from components.pusher.overview import list_views

    views = list_views(folder)
    if not views:
        return [], [f"no version in {folder}"]
    header = ("VERSION", "STATE", "LABELS", "PUSHED (UTC)", "RUN", "MiB", "AUC")
    return [view.as_json() for view in views], _table([header, *(_row(view) for view in views)])


def _row(view: VersionView) -> tuple[str, ...]:
    record = view.record
    auc = (record.metrics or {}).get("auc") if record else None
    return (
        str(view.version),
        view.state,
        ", ".join(view.labels) or "-",
        record.pushed_at.removesuffix("+00:00") if record else "-",
        (record.run_id if record else "") or "-",
        f"{view.size_bytes / 2**20:.1f}",
        "-" if auc is None else f"{auc:.4f}",
    )


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _show(args: argparse.Namespace, folder: str) -> Told:
    from components.pusher.history import read_history
    from components.pusher.overview import files_of, list_views

    views = list_views(folder)
    view = next((one for one in views if one.version == args.version), None)
    if view is None:
        known = ", ".join(str(one.version) for one in views) or "none"
        raise SettingsError(f"VERSION {args.version}: no such version in {folder}; there: {known}")
    files, warm = files_of(view)
    history = [event for event in read_history(folder) if event.version == view.version]
    document = {
        **view.as_json(), "files": files, "warmup": warm, "history": [event._asdict() for event in history]
    }  # fmt: skip
    record = view.record._asdict() if view.record else {"record": "none: the version was not pushed by adclick"}
    facts = [("version", view.version), ("state", view.state), ("labels", ", ".join(view.labels) or "-")]
    facts += [("place", view.uri), ("files", f"{len(files)}, {view.size_bytes / 2**20:.1f} MiB")]
    facts += [("warm-up requests", "yes" if warm else "no")]
    facts += [(key.replace("_", " "), _fact(value)) for key, value in record.items() if value is not None]
    lines = _table([(key, str(value)) for key, value in facts])
    for event in history:
        told = "; ".join(text for text in (event.detail, event.reason) if text)
        lines.append(
            f"{event.at.removesuffix('+00:00')}  {event.action} by {event.who}" + (f": {told}" if told else "")
        )
    return document, lines


def _fact(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return ", ".join(f"{key} {'undefined' if one is None else f'{one:.4f}'}" for key, one in value.items())


def _rollback(args: argparse.Namespace, folder: str) -> Told:
    from components.pusher.lifecycle import roll_back

    done = roll_back(folder, args.to, _operator(args))
    if not done.withdrawn:
        return done._asdict(), [f"version {done.in_service} is in service already; nothing was withdrawn"]
    lines = [f"withdrawn: version {version}" for version in done.withdrawn]
    lines.append(f"in service: version {done.in_service}, as soon as servers have looked")
    for label, version in done.labels.items():
        lines.append(f"label {label!r} still names {version}: `adclick models label {label} VERSION`, or --delete")
    return done._asdict(), lines


def _promote(args: argparse.Namespace, folder: str) -> Told:
    from components.pusher.lifecycle import promote

    number = promote(folder, args.version, _operator(args))
    copied = f", the model of version {args.version}" if number != args.version else ""
    return {"in_service": number, "promoted": args.version}, [f"in service: version {number}{copied}"]


def _adopt(args: argparse.Namespace, folder: str) -> Told:
    from components.pusher.adoption import adopt

    number = adopt(folder, args.source.rstrip("/"), args.version, _operator(args))
    return {"in_service": number}, [f"in service: version {number}, as soon as servers have looked"]


def _label(args: argparse.Namespace, folder: str) -> Told:
    from components.pusher.labels import tf_serving_config
    from components.pusher.lifecycle import delete_label, set_label

    if (args.version is None) != args.delete:
        raise SettingsError(f"label {args.label!r}: give either the VERSION that it is to name, or --delete")
    labels = (
        delete_label(folder, args.label, _operator(args))
        if args.delete
        else set_label(folder, args.label, args.version, _operator(args))
    )
    name = folder.rpartition("/")[2]
    config = tf_serving_config(folder, name, labels)
    lines = [f"{label}: version {version}" for label, version in labels.items()] or ["no label is set"]
    told = "adclick's model server reads labels.json; a label holds once its version is loaded."
    lines += ["", told, "For TensorFlow's, and to load all versions, --model_config_file takes:", config]
    return {"labels": labels, "tf_serving_config": config}, lines


def _operator(args: argparse.Namespace) -> Any:
    from components.pusher.history import current_user
    from components.pusher.lifecycle import Operator

    if args.action != "label" and not args.reason.strip():
        raise SettingsError("--reason is empty; say in a few words why, for whoever looks later")
    return Operator(args.who or current_user(), args.reason)
