#!/bin/sh
# Makes functions.zip for FunctionGraph (Python 3.12, x86-64): the pinned packages, leasebot and your policy file.
#     sh deploy/functiongraph/package.sh leasebot.toml [functions.zip]
# gateway: handler gateway.handler, APIG trigger without authentication, time-out 10 s
# worker:  handler worker.handler, TIMER trigger each minute, time-out 900 s
# Both take the settings of the README as environment variables, with LEASEBOT_CONFIG=leasebot.toml.
set -eu
policy="$(realpath "${1:?name your policy file}")"
out="$(realpath -m "${2:-functions.zip}")"
cd "$(dirname "$0")/../.."
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --target "$work/code" \
    --python-version 3.12 --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64 --only-binary=:all: \
    --requirement deploy/functiongraph/requirements.txt
cp -r bot handlers scheduler deploy "$work/code/"
rm -rf "$work/code/deploy/sandbox" "$work/code/bin"
for each in gateway worker; do
    echo "from deploy.functiongraph.$each import handler  # noqa: F401" > "$work/code/$each.py"
done
cp "$policy" "$work/code/leasebot.toml"
find "$work/code" -name __pycache__ -prune -exec rm -rf {} +
if command -v python3.12 >/dev/null && python3.12 --version >/dev/null 2>&1; then # a third of the cold start
    python3.12 -m compileall -q --invalidation-mode unchecked-hash "$work/code" || true
fi
rm -f "$out"
(cd "$work/code" && python3 -m zipfile -c "$out" ./*)
echo "$out: $(du -h "$out" | cut -f1)"
