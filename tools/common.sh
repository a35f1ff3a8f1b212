# Read by the scripts beside it, which are run from anywhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$PWD/target/tools/bin:$PATH"

# skip REASON: ends a job that cannot run here, without failing it.
skip() {
    printf '\nSKIPPED: %s\n' "$1" >&2
    exit 0
}

# cargo_tool NAME VERSION: installs a program of cargo's below target/tools, once. It is not optimised, because building it
# takes longer than what it does.
cargo_tool() {
    cargo install --quiet --debug --locked --root target/tools --version "$2" "$1" || skip "$1 $2 cannot be installed"
}

# toolchain VERSION COMPONENT…: installs a toolchain of rustup's with these components. One that is there is not updated.
toolchain() {
    local version=$1
    shift
    rustup run "$version" rustc --version > /dev/null 2>&1 ||
        rustup toolchain install "$version" --profile minimal --no-self-update || skip "Rust $version cannot be installed"
    [ $# = 0 ] || rustup component add --toolchain "$version" "$@" || skip "$* of Rust $version cannot be installed"
}
