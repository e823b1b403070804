#!/bin/bash
# Brings a workflow's model files to a fresh machine. The image runs it once, before ComfyUI and the API wrapper start.
# BAKEOFF_FILES: `path|bytes|url;path|bytes|url;..`, paths below ComfyUI's models folder. HF_TOKEN: for gated files.
# Exits non-zero when a file cannot be had whole: the image then tries again and, as told, destroys the instance.
set -euo pipefail

models="${WORKSPACE:-/workspace}/ComfyUI/models"

# The token goes through a file descriptor, so that no process list shows it. curl drops it on another host.
token() {
    if [ -n "${HF_TOKEN:-}" ]; then
        printf 'header = "Authorization: Bearer %s"\n' "$HF_TOKEN"
    fi
}

fetch() {
    local path=$1 bytes=$2 url=$3
    if [ "$(stat -c %s "$models/$path" 2>/dev/null)" = "$bytes" ]; then
        return
    fi
    mkdir -p "$(dirname "$models/$path")"
    curl --fail --location --silent --show-error --retry 5 --retry-all-errors --continue-at - \
        --config <(token) --output "$models/$path.part" "$url"
    local got
    got=$(stat -c %s "$models/$path.part")
    if [ "$got" != "$bytes" ]; then
        echo "bakeoff: $path has $got bytes, not $bytes" >&2
        rm -f "$models/$path.part"
        return 1
    fi
    # Under its own name only when it is whole: ComfyUI lists what it finds.
    mv "$models/$path.part" "$models/$path"
    echo "bakeoff: $path is there"
}

IFS=';' read -ra files <<<"${BAKEOFF_FILES:?}"
for file in "${files[@]}"; do
    IFS='|' read -r path bytes url <<<"$file"
    fetch "$path" "$bytes" "$url"
done
