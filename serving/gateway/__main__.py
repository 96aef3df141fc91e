"""`python -m serving.gateway --config FILE`."""

from __future__ import annotations

import argparse
import sys

from serving.gateway.gateway_command import add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m serving.gateway", description="JSON gateway of the model server.")
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
