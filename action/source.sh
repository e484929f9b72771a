#!/usr/bin/env bash
# Writes the output `hash`: what the action's own code is known by, so that it is built once.
set -euo pipefail
cd "${ACTION_PATH:?}"
hash=$(find Cargo.toml Cargo.lock src policies -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | git hash-object --stdin)
echo "hash=$hash" >> "$GITHUB_OUTPUT"
