#!/usr/bin/env bash
# adopt_model.sh: puts $MODEL_VERSION of $STAGING_FOLDER into $PRODUCTION_FOLDER; leaves its number there as version in
# $GITHUB_OUTPUT. Refused where an operator has taken that model out of production.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/release/steps_image.sh

adclick models adopt "$MODEL_VERSION" --from "$STAGING_FOLDER" --model-folder "$PRODUCTION_FOLDER" --who release \
  --reason "$GITHUB_REF_NAME: blessed in staging, run $RUN_ID" --json >work/adopted.json
jq --raw-output '"version=\(.in_service)"' work/adopted.json >>"$GITHUB_OUTPUT"
