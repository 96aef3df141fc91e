"""The pipeline on Kubeflow Pipelines: python run_kubeflow.py compile --config my.yaml --output pipeline.yaml"""

import argparse
import sys

from adclick.kubeflow_command import add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
