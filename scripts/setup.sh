#!/bin/sh
# Prepares a Debian or Ubuntu machine that has Rust for building and testing rls-lint; with `--build`,
# for building only.
#
# The SQL parser's build script reads C headers through libclang. Where libclang and its headers are
# installed, nothing is done and no network is needed.
set -eu

# The newest libclang of the usual places, or nothing.
libclang() {
    for folder in "${LIBCLANG_PATH:-}" /usr/lib/llvm-*/lib /usr/lib/*-linux-gnu /usr/lib64 /usr/lib /usr/local/lib; do
        for file in "$folder"/libclang.so "$folder"/libclang-*.so "$folder"/libclang.so.* "$folder"/libclang-*.so.*; do
            if [ -e "$file" ]; then
                echo "$file"
                return
            fi
        done
    done
}

# Clang's own headers, such as stddef.h: the library alone cannot read C. Whoever names a folder of
# headers has them.
clang_headers() {
    if [ -n "${BINDGEN_EXTRA_CLANG_ARGS:-}" ]; then
        echo "$BINDGEN_EXTRA_CLANG_ARGS"
        return
    fi
    for file in /usr/lib/llvm-*/lib/clang/*/include/stddef.h /usr/lib/clang/*/include/stddef.h /usr/lib64/clang/*/include/stddef.h; do
        if [ -e "$file" ]; then
            echo "$file"
            return
        fi
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        echo "setup: run as root: $*" >&2
        exit 1
    fi
}

install() {
    if ! command -v apt-get > /dev/null; then
        echo "setup: install $* with your package manager, then run this again" >&2
        exit 1
    fi
    echo "setup: installing $*" >&2
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null
}

if ! command -v cargo > /dev/null; then
    echo "setup: Rust is missing; https://rustup.rs installs it" >&2
    exit 1
fi

# Other systems bring a compiler and libclang together: Xcode's tools, or LLVM for Windows.
[ "$(uname -s)" = Linux ] || exit 0

# Its tests compare with a real PostgreSQL, whose binaries Debian keeps off the PATH.
postgresql() {
    for folder in "$(pg_config --bindir 2> /dev/null || true)" /usr/lib/postgresql/*/bin; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && [ -x "$folder/psql" ]; then
            echo "$folder"
            return
        fi
    done
    if command -v initdb > /dev/null && command -v postgres > /dev/null && command -v psql > /dev/null; then
        echo PATH
    fi
}

missing=""
command -v cc > /dev/null || missing="gcc libc6-dev"
if [ -z "$(libclang)" ] || [ -z "$(clang_headers)" ]; then
    missing="$missing libclang-dev"
fi
if [ "${1:-}" != --build ] && [ -z "$(postgresql)" ]; then
    missing="$missing postgresql"
fi
if [ -n "$missing" ]; then
    # The names are separate words on purpose.
    # shellcheck disable=SC2086
    install $missing
fi
