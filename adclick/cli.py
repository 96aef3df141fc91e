"""The `adclick` command: one verb per module, each imported only when it is called."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

# verb -> (module with `add_arguments(parser)` and `run(args) -> int`, one line of help)
VERBS: dict[str, tuple[str, str]] = {
    "doctor": ("adclick.doctor", "check this machine and the installed stack, with the mend for each fault"),
    "simulate": (
        "simulator.command",
        "draw a seeded sample of an agency's data: CSVs, creatives, known truth",
    ),
    "run": ("adclick.run", "run the whole pipeline here, on local Beam"),
    "serve": ("serving.serve_command", "serve the pushed model over gRPC and REST on loopback"),
    "predict": ("serving.predict_command", "ask a running model server about rows of a CSV or JSON file"),
    "models": ("adclick.models_command", "list the versions of a model, roll back, promote, label"),
    "report": ("adclick.report_command", "open or rebuild a run's report, or set two runs side by side"),
    "gateway": (
        "serving.gateway.gateway_command",
        "answer JSON requests for click probabilities, with tokens and checks",
    ),
    "kubeflow": (
        "adclick.kubeflow_command",
        "compile the pipeline for Kubeflow Pipelines or Vertex AI, check, submit and watch it",
    ),
}


def build_parser(verb: str | None) -> argparse.ArgumentParser:
    """Parser whose sub-parsers name every verb but import only the module of `verb`."""
    parser = argparse.ArgumentParser(prog="adclick", description="Clicks predicted in production.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (module_name, summary) in VERBS.items():
        sub = verbs.add_parser(name, help=summary, description=summary)
        if name == verb:
            importlib.import_module(module_name).add_arguments(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Dispatch to the verb's module; returns its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    verb = next((word for word in arguments if not word.startswith("-")), None)
    args = build_parser(verb).parse_args(arguments)
    module = importlib.import_module(VERBS[args.verb][0])
    return int(module.run(args))


if __name__ == "__main__":
    sys.exit(main())
