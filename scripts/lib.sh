# What the scripts share. Source it from the root of the repository.

target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TERM_PROGRESS_WHEN=never

heading() {
    printf '\n== %s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Says what is left out; in CI nothing may be.
skip() {
    [[ ${CI-} != true ]] || die "would skip $*"
    printf 'skipped: %s\n' "$*" >&2
}

# need COMMAND PACKAGE...: installs the Debian packages that bring COMMAND, if it is missing.
need() {
    command -v "$1" >/dev/null && return
    [[ $(id -u) = 0 ]] && command -v apt-get >/dev/null || die "$1 is missing: install it and run $0 again"
    apt_install "${@:2}"
}

apt_install() {
    heading "Installing ${*}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}
