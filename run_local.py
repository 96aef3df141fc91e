"""Runs the pipeline on this machine: python run_local.py --config configs/base.yaml"""

import argparse
import sys

from adclick.run import add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
