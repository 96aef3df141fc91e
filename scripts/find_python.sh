#!/usr/bin/env bash
# Prints the real path of a CPython 3.10 that can make virtual environments; one line on stderr and status 1 where none is.
# PYTHON names one to be used instead of the search. Bash built-ins only: it must work on the barest PATH.
set -u

# Asked with -I so that neither PYTHONPATH nor the current directory can answer for it. The base executable is
# printed because a python3.10 on PATH may be a shim, or live in the very environment that set-up is to replace.
PROBE='
import importlib.util, os, sys
venv = all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
print(sys.implementation.name, *sys.version_info[:3], "venv" if venv else "no-venv",
      os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
'
without_venv=""
home=${HOME-~} # bash knows the home folder of a job that is given no HOME

# accept CANDIDATE: prints its real path if it is a fitting Python, remembers one that only lacks venv.
accept() {
  local name major minor micro venv path
  [[ -x $1 ]] || return 1
  read -r name major minor micro venv path < <("$1" -I -c "$PROBE" 2>/dev/null </dev/null) || return 1
  [[ "$name $major.$minor" == "cpython 3.10" && -n $path ]] || return 1
  if [[ $venv != venv ]]; then
    without_venv=${without_venv:-$path}
    return 1
  fi
  printf '%s\n' "$path"
}

# newest_patch PATH...: the paths in order of their 3.10.N, highest N first; a path without N comes last.
newest_patch() {
  local -A by_patch=()
  local path patch
  local -a patches=()
  for path in "$@"; do
    patch=-1
    [[ $path =~ 3\.10\.([0-9]+) ]] && patch=${BASH_REMATCH[1]}
    by_patch[$patch]+="$path"$'\n'
  done
  for ((patch = 99; patch >= -1; patch--)); do
    [[ -n ${by_patch[$patch]:-} ]] && patches+=("${by_patch[$patch]}")
  done
  printf '%s' "${patches[@]:-}"
}

candidates() {
  local name
  for name in python3.10 python3 python; do type -aP "$name"; done
  shopt -s nullglob
  newest_patch "${PYENV_ROOT:-$home/.pyenv}"/versions/3.10*/bin/python3.10
  newest_patch "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-$home/.local/share}/uv/python}"/cpython-3.10*/bin/python3.10
}

if [[ -n ${PYTHON:-} ]]; then
  accept "$(type -P "$PYTHON")" && exit 0
  [[ -z $without_venv ]] && echo "PYTHON=$PYTHON is no CPython 3.10 that runs: name one, or unset PYTHON to have it searched" >&2 && exit 1
else
  while IFS= read -r candidate; do
    [[ -n $candidate ]] && accept "$candidate" && exit 0
  done < <(candidates)
fi

if [[ -n $without_venv ]]; then
  echo "$without_venv cannot make virtual environments: install its venv module with \`apt install python3.10-venv\`" >&2
else
  echo "adclick needs Python 3.10 (TFX 1.16): install it with \`uv python install 3.10\`, \`pyenv install 3.10\` or your system's package manager" >&2
fi
exit 1
