#!/usr/bin/env bash
# Resolves requirements/*.in into locks of names, versions and hashes. Pins stay as they are unless an .in file moves
# them; UPGRADE=1 takes the newest releases that the bounds allow.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/network.sh
cd requirements

# Resolving needs an interpreter and uv, not the environment: that cannot be set up while an .in file names a package
# which the locks lack.
python=$(../scripts/find_python.sh)
UV=../.venv/bootstrap/bin/uv
if [[ ! -x $UV ]]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  "$python" -m venv "$scratch/venv"
  "$scratch/venv/bin/python" -m pip install --quiet --require-hashes --no-deps --only-binary :all: \
    --target "$scratch/bootstrap" -r bootstrap.lock
  UV=$scratch/bootstrap/bin/uv
fi
# What publishes no wheel is pure Python, but for pyfarmhash and crcmod. For everything else a wheel is demanded,
# lest a release without one asks every user for a Rust or Fortran compiler.
SOURCE_ONLY=(crcmod dill docopt google-apitools hdfs kfp kfp-server-api pyfarmhash rouge-score)

# lock OUTPUT ARGUMENT...: glibc 2.28 is the oldest that the resolved wheels run on (adclick/stack.py says so too).
lock() {
  local output=$1
  shift
  "$UV" pip compile --quiet --python "$python" --python-version 3.10 --python-platform x86_64-manylinux_2_28 \
    --generate-hashes --no-header --no-annotate --only-binary :all: "${SOURCE_ONLY[@]/#/--no-binary=}" \
    ${UPGRADE:+--upgrade} --output-file "$output" "$@"
  echo "lock: requirements/$output holds $(grep -c '==' "$output") packages"
}

lock portable.lock runtime.in --constraints constraints.txt
lock gateway.lock gateway.in --constraints portable.lock
lock replica.lock replica.in --constraints portable.lock
lock dev.lock dev.in --constraints portable.lock
lock build.lock build.in --constraints portable.lock
lock bootstrap.lock bootstrap.in
