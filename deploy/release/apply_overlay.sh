#!/usr/bin/env bash
# apply_overlay.sh OVERLAY: this release's images, by digest, into the cluster of $KUBE_CONFIG; waits until the gateways
# answer with $MODEL_VERSION. If they do not, the deployments go back to what ran before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
overlay=$1 namespace=adclick-$1
umask 077
config=$(mktemp)
trap 'rm -f "$config"' EXIT
printf '%s' "$KUBE_CONFIG" >"$config"
export KUBECONFIG=$config
unset KUBE_CONFIG

folder=deploy/kubernetes/overlays/$overlay
for name in adclick-gateway adclick-replica adclick-steps; do
  (cd "$folder" && kustomize edit set image "$name=$(<"$OLDPWD/images/$name")")
done
kustomize build "$folder" | kubectl apply --server-side --force-conflicts --filename -

# What /readyz of a gateway says: exec needs no way through the network policies.
ask='import json, urllib.request; print(json.load(urllib.request.urlopen("http://127.0.0.1:8080/readyz", timeout=5))["model_versions"])'
answers() {
  for name in adclick-serving adclick-gateway; do
    kubectl --namespace "$namespace" rollout status "deployment/$name" --timeout 10m || return 1
  done
  for _ in {1..30}; do
    versions=$(kubectl --namespace "$namespace" exec deployment/adclick-gateway -- python -c "$ask" || true)
    [[ $versions != *"$MODEL_VERSION"* ]] || return 0
    sleep "${ADCLICK_RETRY_S:-10}"
  done
  echo "apply_overlay: the gateways answer with versions ${versions:-none}, not $MODEL_VERSION" >&2
  return 1
}
if ! answers; then
  for name in adclick-serving adclick-gateway; do
    kubectl --namespace "$namespace" rollout undo "deployment/$name" || true # a first release has nothing to go back to
  done
  echo "apply_overlay: $overlay runs the former images again; the model stays: adclick models rollback (docs/deploy.md)" >&2
  exit 1
fi
