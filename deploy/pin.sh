#!/bin/sh
# Pins every package, transitive ones included, with its hashes. Run it again after a change in pyproject.toml:
#     pip install uv && sh deploy/pin.sh            (sh deploy/pin.sh --upgrade takes newer versions)
# No address of a package index is written: whoever installs uses the one they have.
set -eu
cd "$(dirname "$0")/.."
pin() {
    out="$1"
    shift
    uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-annotate --custom-compile-command "sh deploy/pin.sh" --quiet --output-file "$out" "$@" >/dev/null
}
pin deploy/requirements.txt --extra charts "$@"
pin deploy/functiongraph/requirements.txt --constraint deploy/requirements.txt "$@"
pin deploy/requirements-dev.txt --extra charts --group dev --constraint deploy/requirements.txt "$@"
