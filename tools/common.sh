# Read by the scripts beside it, which are run from anywhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$PWD/target/tools/bin:$PATH"

# cargo_tool NAME VERSION: installs a program of cargo's below target/tools, once. It is not optimised, because building it
# takes longer than what it does.
cargo_tool() {
    cargo install --quiet --debug --locked --root target/tools --version "$2" "$1"
}

# toolchain VERSION COMPONENT…: installs a toolchain of rustup's, once.
toolchain() {
    local version=$1
    shift
    rustup toolchain install "$version" --profile minimal --no-self-update ${*:+--component "$@"}
}
