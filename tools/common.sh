# Read by the scripts beside it, which are run from anywhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$PWD/target/tools/bin:$PATH"

# cargo_tool NAME VERSION: installs a program of cargo's below target/tools, once. It is not optimised, because building it
# takes longer than what it does. Where it cannot be installed, the job is skipped.
cargo_tool() {
    cargo install --quiet --debug --locked --root target/tools --version "$2" "$1" && return
    echo "SKIPPED: $1 $2 cannot be installed" >&2
    exit 0
}

# toolchain VERSION COMPONENT…: installs a toolchain of rustup's, once.
toolchain() {
    local version=$1
    shift
    rustup toolchain install "$version" --profile minimal --no-self-update ${*:+--component "$@"}
}
