#!/bin/sh
# Builds and pushes the Runpod image of one workflow: deploy/runpod/build.sh flux-dev ghcr.io/you/bakeoff-flux-dev:1
# Needs docker with BuildKit, room for the weights twice over, and HF_TOKEN for gated files.
set -eu
cd "$(dirname "$0")/../.."
workflow=${1:?name a workflow} image=${2:?name the image}
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp deploy/runpod/Dockerfile "$context"
.venv/bin/python -m deploy.runpod.models "$workflow" > "$context/models.txt"
docker build --secret id=hf_token,env=HF_TOKEN --tag "$image" "$context"
docker push "$image"
