#!/usr/bin/env bash
# Runs rls-lint for action.yml: annotations, job summary, and one comment on the pull request.
# Inputs come from the environment and are never read by a shell.
set -euo pipefail

files="${RUNNER_TEMP:?}/rls-lint-report"
api="${GITHUB_API_URL:-https://api.github.com}"
mkdir -p "$files"

# Ends the job with what could not be done, in an annotation and in the summary.
fail() {
    echo "::error title=rls-lint::$1"
    if [ "${INPUT_SUMMARY:-true}" != false ]; then
        printf '### rls-lint: nothing was checked\n\n%s\n' "$1" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
    fi
    exit 2
}

notice() { echo "::notice title=rls-lint::$1"; }

one_of() {
    local name=$1 value=$2 word
    shift 2
    for word in "$@"; do
        [ "$value" != "$word" ] || return 0
    done
    fail "$name is one of: $*"
}

one_of fail-on "${INPUT_FAIL_ON:=error}" error warning info never
one_of annotations "${INPUT_ANNOTATIONS:=true}" true false
one_of summary "${INPUT_SUMMARY:=true}" true false
one_of comment "${INPUT_COMMENT:=off}" off on-failure update
command -v jq > /dev/null || fail 'this runner has no jq, which the action needs'

workspace="${GITHUB_WORKSPACE:-$PWD}"
case "${INPUT_WORKING_DIRECTORY:=.}" in
    /* | [A-Za-z]:*) folder=$INPUT_WORKING_DIRECTORY ;;
    *) folder=$workspace/$INPUT_WORKING_DIRECTORY ;;
esac
cd "$folder" || fail 'working-directory is no folder'

# What the head is compared with. Of the merge that GitHub checks out for a pull request, the first
# parent is the branch that it goes to, as it is now. Another merge may be checked out in its place: that
# of the branch into the pull request's own.
base() {
    case "${INPUT_BASE:-}" in
        none) ;;
        ?*) echo "$INPUT_BASE" ;;
        *)
            case "${GITHUB_REF:-}" in
                refs/pull/*/merge)
                    if [ "$(git rev-parse --verify --quiet HEAD)" = "${GITHUB_SHA:-}" ] &&
                        git rev-parse --verify --quiet 'HEAD^2' > /dev/null 2>&1; then
                        echo 'HEAD^1'
                        return
                    fi
                    ;;
            esac
            echo "${BASE_SHA:-}"
            ;;
    esac
}

# A second run in one job must not find what the first one wrote.
rm -f "$files/report.json" "$files/report.md"
arguments=(--output "json=$files/report.json" --output "markdown=$files/report.md" --fail-on "$INPUT_FAIL_ON")
if [ "$INPUT_ANNOTATIONS" = true ]; then arguments+=(--output github=-); else arguments+=(--output concise=-); fi
sarif=
if [ -n "${INPUT_SARIF_FILE:-}" ]; then
    case "$INPUT_SARIF_FILE" in
        *$'\n'*) fail 'sarif-file is one path' ;;
        /* | [A-Za-z]:*) sarif=$INPUT_SARIF_FILE ;;
        *) sarif=$PWD/$INPUT_SARIF_FILE ;;
    esac
    arguments+=(--output "sarif=$sarif")
fi
base=$(base)
[ -z "$base" ] || arguments+=("--base=$base")
[ -z "${INPUT_CONFIG:-}" ] || arguments+=("--config=$INPUT_CONFIG")
words=()
read -r -d '' -a words <<< "${INPUT_ARGS:-}" || true
arguments+=(${words[@]+"${words[@]}"})
paths=()
while IFS= read -r line; do
    [ -z "$line" ] || paths+=("$line")
done <<< "${INPUT_PATH:-}"

code=0
"${RLS_LINT:-rls-lint}" check "${arguments[@]}" -- ${paths[@]+"${paths[@]}"} || code=$?
[ -s "$files/report.json" ] || fail 'rls-lint wrote no report; the log says why'

count() { jq "$1" "$files/report.json"; }
total=$(count '.findings | length')
changed=$(count '[(.change.access // [])[] | select(.class != "safe")] | length')
{
    echo "findings=$total"
    echo "new-findings=$(jq -r 'if .change then (.findings | length) else "" end' "$files/report.json")"
    echo "fixed=$(jq -r 'if .change then (.change.fixed | length) else "" end' "$files/report.json")"
    echo "errors=$(count '[.findings[] | select(.severity == "error")] | length')"
    echo "warnings=$(count '[.findings[] | select(.severity == "warning")] | length')"
    echo "exit-code=$code"
    echo "json=$files/report.json"
    echo "markdown=$files/report.md"
    echo "sarif=$sarif"
} >> "${GITHUB_OUTPUT:-/dev/null}"

if [ "$INPUT_SUMMARY" = true ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    cat "$files/report.md" >> "$GITHUB_STEP_SUMMARY"
fi

# Calls the API of GitHub: a method, an address, and a file with the body. The token stands in no
# list of processes.
call() {
    local body=()
    [ -z "${3:-}" ] || body=(--data "@$3")
    printf 'header = "Authorization: Bearer %s"\n' "$GITHUB_TOKEN" |
        curl --config - --silent --show-error --fail --max-time 30 --request "$1" \
            --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28' \
            ${body[@]+"${body[@]}"} "$2"
}

# Who the token writes as: the bot of GitHub Actions, another app, or a person.
author() {
    local login
    echo '{"query": "{ viewer { login } }"}' > "$files/viewer.json"
    login=$(call POST "${GITHUB_GRAPHQL_URL:-$api/graphql}" "$files/viewer.json" 2> /dev/null |
        jq -r '.data.viewer.login // empty') || login=
    echo "${login:-github-actions[bot]}"
}

# The number of our comment on the pull request, if there is one. Anybody may write the marker into a
# comment of theirs, which is not to be changed.
find_comment() {
    local page found size author
    author=$(author)
    for page in $(seq 1 30); do
        call GET "$comments?per_page=100&page=$page" > "$files/comments.json" || return 1
        found=$(jq -r --arg marker "$marker" --arg author "$author" \
            'def name: sub("\\[bot\\]$"; "");
             [.[] | select((.user.login | name) == ($author | name) and (.body | startswith($marker)))][0].id // empty' \
            "$files/comments.json")
        size=$(jq length "$files/comments.json")
        if [ -n "$found" ]; then
            echo "$found"
            return
        fi
        [ "$size" -eq 100 ] || return 0
    done
}

write_comment() {
    local id
    id=$(find_comment) || return 1
    if [ -z "$id" ] && [ "$INPUT_COMMENT" = on-failure ] && [ "$((total + changed + code))" -eq 0 ]; then
        return
    fi
    {
        echo "$marker"
        cat "$files/report.md"
    } > "$files/comment.md"
    jq --raw-input --slurp '{body: .}' "$files/comment.md" > "$files/comment.json"
    if [ -n "$id" ]; then
        call PATCH "$api/repos/$GITHUB_REPOSITORY/issues/comments/$id" "$files/comment.json" > /dev/null
    else
        call POST "$comments" "$files/comment.json" > /dev/null
    fi
}

if [ "$INPUT_COMMENT" != off ] && [ -n "${PULL_REQUEST:-}" ]; then
    comments="$api/repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments"
    name="${INPUT_COMMENT_ID:-$INPUT_WORKING_DIRECTORY}"
    marker="<!-- rls-lint:${name//[^A-Za-z0-9._\/-]/_} -->"
    if [ "${HEAD_REPOSITORY:-$GITHUB_REPOSITORY}" != "$GITHUB_REPOSITORY" ]; then
        notice 'no comment: the token of a pull request from a fork may not write one'
    elif [ -z "${GITHUB_TOKEN:-}" ] || ! write_comment; then
        notice 'no comment: GitHub did not take one; the token needs pull-requests: write'
    fi
fi

exit "$code"
