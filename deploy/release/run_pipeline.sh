#!/usr/bin/env bash
# run_pipeline.sh OVERLAY: compiles the pipeline with this release's image, submits it to $KFP_HOST and waits.
# Leaves run_id in $GITHUB_OUTPUT. A model that is not blessed (status 3) is a result, not a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/release/steps_image.sh
overlay=$1
settings=(--config "/etc/adclick/$overlay/settings.yaml")

adclick kubeflow compile "${settings[@]}" --set "kubeflow.image=$(<images/adclick-steps)" --output pipeline.yaml
adclick kubeflow lint pipeline.yaml
status=0
adclick kubeflow submit --package pipeline.yaml "${settings[@]}" --set "submission.host=$KFP_HOST" --no-progress |
  tee work/submit.log || status=$?
sed -n 's/^run_id: *\([A-Za-z0-9-]*\)$/run_id=\1/p' work/submit.log | tail -n 1 >>"$GITHUB_OUTPUT"
[[ $status == 0 || $status == 3 ]] || exit "$status"
