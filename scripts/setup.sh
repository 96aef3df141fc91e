#!/usr/bin/env bash
# Builds .venv from the hashed locks, or makes it agree with them again; says nothing when it already does.
# The stamp is written last, so an environment without one was interrupted and is built anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=.venv
STAMP=$VENV/adclick-setup.stamp
LOCKS=(requirements/portable.lock requirements/dev.lock)
INPUTS=("${LOCKS[@]}" requirements/build.lock requirements/bootstrap.lock requirements/runtime.in pyproject.toml setup.py scripts/setup.sh)

# Two lines: where the environment lives (an environment cannot be moved) and what it was built from.
stamp() { printf '%s\n%s\n' "$PWD/$VENV" "$(cat "${INPUTS[@]}" | sha256sum | cut -d' ' -f1)"; }

runs() { "$VENV/bin/python" -I -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null; }

fail() {
  echo "setup: $*" >&2
  exit 1
}

# Two set-ups at once would tear each other's files away, and so would an installer that outlived its killed script: it
# inherits the lock. A directory serves as lock file; where flock is missing or refused there is no lock.
exec 9<requirements
! command -v flock >/dev/null || flock 9 2>/dev/null || true

usable=no
if [[ -f $STAMP ]] && runs && [[ $(head -n1 "$STAMP") == "$PWD/$VENV" ]]; then
  [[ $(cat "$STAMP") == "$(stamp)" ]] && exit 0
  usable=yes
fi

[[ "$(uname -sm)" == "Linux x86_64" ]] || fail "TFX 1.16 publishes wheels for Linux x86-64 only, this is $(uname -sm): use a container of that platform"
started=$SECONDS

source scripts/network.sh
# A user's settings for other Pythons would break this environment.
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 UV_NO_PROGRESS=1
unset PYTHONHOME PYTHONPATH UV_SYSTEM_PYTHON UV_TARGET

if [[ $usable == yes ]]; then
  echo "setup: the locks changed, bringing $VENV up to date"
  rm -f "$STAMP"
else
  python=$(scripts/find_python.sh)
  [[ ! -e $VENV ]] || echo "setup: $VENV is unfinished, moved or of another Python: building it anew"
  echo "setup: building $VENV with $python (half a minute with a warm cache, a minute or two without)"
  rm -rf "$VENV"
  "$python" -m venv "$VENV"
fi

UV=$VENV/bootstrap/bin/uv
wanted=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements/bootstrap.lock)
if [[ "$("$UV" --version 2>/dev/null)" != "uv $wanted"* ]]; then
  rm -rf "$VENV/bootstrap"
  "$VENV/bin/python" -m pip install --quiet --require-hashes --no-deps --only-binary :all: \
    --target "$VENV/bootstrap" -r requirements/bootstrap.lock || fail "uv $wanted could not be installed: see above"
fi

# Bytecode is compiled here: without it every process compiles TensorFlow's and TFX's sources at import.
if ! "$UV" pip sync --quiet --python "$VENV/bin/python" --require-hashes --compile-bytecode \
  --build-constraints requirements/build.lock --require-build-hashes "${LOCKS[@]}"; then
  command -v c++ >/dev/null || command -v g++ >/dev/null ||
    echo "setup: no C++ compiler found, and pyfarmhash (required by TFDV) publishes no wheel: \`apt install g++ python3.10-dev\`" >&2
  fail "the packages could not be installed: see above, then run it again"
fi
"$UV" pip install --quiet --python "$VENV/bin/python" --no-deps --no-build-isolation --editable .
"$UV" pip check --quiet --python "$VENV/bin/python" || fail "the installed packages contradict each other: \`$UV pip check -p $VENV\` lists how"

stamp >"$STAMP.new"
mv "$STAMP.new" "$STAMP"
echo "setup: ready after $((SECONDS - started)) s"
