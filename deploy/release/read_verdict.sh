#!/usr/bin/env bash
# read_verdict.sh OVERLAY RUN_ID: what the gates said of the run's model, from the run's own report in the store.
# Leaves verdict (blessed or refused) and version in $GITHUB_OUTPUT. A report that cannot be read fails: no verdict is
# no blessing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/release/steps_image.sh
overlay=$1 run_id=$2

adclick kubeflow status "$run_id" --json --config "/etc/adclick/$overlay/settings.yaml" \
  --set "submission.host=$KFP_HOST" >work/status.json || [[ $? == 3 ]]
jq --raw-output '
  if .verdict == null then error("the run has no readable verdict; see docs/deploy.md")
  elif .verdict.blessed == true and .pushed_version != null then "verdict=blessed", "version=\(.pushed_version)"
  else "verdict=refused" end' work/status.json >>"$GITHUB_OUTPUT"
jq --raw-output '"## Gate\n", (if .verdict.blessed then "blessed" else "refused" end),
  (.verdict.reasons // [] | .[] | "- \(.)")' work/status.json >>"$GITHUB_STEP_SUMMARY"
