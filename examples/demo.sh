#!/bin/sh
# Repairs a fresh copy of the example project and takes the repair back again. Run it as `make demo`.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/quanta-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

cp -R "$root/examples/subscriptions" "$work/project"
cd "$work/project"
PATH="$root/.venv/bin:$PATH"
XDG_STATE_HOME="$work/state" # the demo leaves no undo records behind
export PATH XDG_STATE_HOME
unset VIRTUAL_ENV PYTHONPATH PYTEST_ADDOPTS || true

show() {
    printf '\n\033[1m$ %s\033[0m\n' "$*"
    "$@"
}
tests() { show python -m pytest -q --tb=no -p no:cacheprovider; }

echo "A small billing library (examples/subscriptions): eight modules, and two red tests."
tests && { echo "The example should be red before it is fixed." >&2; exit 1; }
show quanta fix --apply
tests
echo
echo "And back again:"
show quanta undo
diff -r -x __pycache__ "$root/examples/subscriptions" . && echo "The copy is byte for byte what it was."
