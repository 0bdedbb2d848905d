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
