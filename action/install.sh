#!/usr/bin/env bash
# Installs rls-lint for action.yml: a release, whose checksum must be right, or the action's own code.
# Writes the outputs `program` and `installed-version`.
set -euo pipefail

folder="${RUNNER_TEMP:?}/rls-lint"
releases="${RLS_LINT_RELEASES:-${GITHUB_SERVER_URL:-https://github.com}/${ACTION_REPOSITORY:-}/releases/download}"

say() { echo "rls-lint: $*" >&2; }

fail() {
    echo "::error title=rls-lint::$1"
    exit 2
}

# The name that Rust has for this machine; nothing for one that no release is made for.
target() {
    case "${RUNNER_OS:-}-${RUNNER_ARCH:-}" in
        Linux-X64) echo x86_64-unknown-linux-gnu ;;
        Linux-ARM64) echo aarch64-unknown-linux-gnu ;;
        macOS-X64) echo x86_64-apple-darwin ;;
        macOS-ARM64) echo aarch64-apple-darwin ;;
    esac
}

download() {
    curl --fail --silent --show-error --location --retry 3 --output "$1" "$2"
}

checksum() {
    if command -v sha256sum > /dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# Downloads and unpacks a release. Fails if there is none, and ends the job if the checksum is wrong.
install_release() {
    local target archive
    target=$(target)
    [ -n "$target" ] || return 1
    archive="rls-lint-$1-$target.tar.gz"
    download "$folder/$archive" "$releases/v$1/$archive" || return 1
    download "$folder/$archive.sha256" "$releases/v$1/$archive.sha256" || return 1
    if [ "$(checksum "$folder/$archive")" != "$(cut -d ' ' -f 1 < "$folder/$archive.sha256")" ]; then
        fail "the checksum of $archive is wrong"
    fi
    if [ "$verify" = true ]; then
        gh attestation verify "$folder/$archive" --repo "${ACTION_REPOSITORY:-}" > /dev/null ||
            fail "nothing attests that $ACTION_REPOSITORY built $archive"
    fi
    # A folder of its own: another version may have been unpacked by an earlier step.
    rm -rf "${folder:?}/$1"
    mkdir -p "$folder/$1"
    tar -xzf "$folder/$archive" -C "$folder/$1"
    program=$(find "$folder/$1" -type f -name rls-lint | head -n 1)
    [ -n "$program" ]
}

install_source() {
    program="$folder/bin/rls-lint"
    # It may come from a cache.
    if "$program" --version > /dev/null 2>&1; then
        return
    fi
    if [ "${RUNNER_OS:-}" = Linux ]; then
        sh "$ACTION_PATH/scripts/setup.sh" --build
    fi
    cargo install --quiet --locked --path "$ACTION_PATH" --root "$folder"
}

verify="${INPUT_VERIFY_PROVENANCE:-false}"
case "$verify" in
    true) command -v gh > /dev/null || fail 'verify-provenance needs gh, which this runner has not' ;;
    false) ;;
    *) fail 'verify-provenance is one of: true false' ;;
esac
mkdir -p "$folder"
own=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$ACTION_PATH/Cargo.toml" | head -n 1)
wanted="${INPUT_VERSION#v}"
case "$wanted" in
    source) install_source ;;
    '')
        if [ -z "${ACTION_REPOSITORY:-}${RLS_LINT_RELEASES:-}" ] || ! install_release "$own"; then
            [ "$verify" = false ] || fail "there is no release $own for this machine, whose provenance could be verified"
            say "there is no release $own for this machine; building it"
            install_source
        fi
        ;;
    *[!0-9A-Za-z.+-]*)
        fail "version is a number such as $own, or source"
        ;;
    *)
        if ! install_release "$wanted"; then
            fail "there is no release $wanted for this machine; version: source builds the action's own code"
        fi
        ;;
esac
{
    echo "program=$program"
    echo "installed-version=$("$program" --version | cut -d ' ' -f 2)"
} >> "$GITHUB_OUTPUT"
