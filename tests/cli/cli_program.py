"""``quanta fix`` with a scripted engine, in a process of its own: ``cli_program.py PROJECT RESULT [flags]``.

RESULT names a value in cli_samples.py, or ``fail``, ``crash``, ``wait``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import cli_samples as samples

from quantatissu.cli.fix import run
from quantatissu.cli.main import guarded
from quantatissu.cli.options import FixArguments
from quantatissu.foundation import QuantaError
from quantatissu.repair.report import FixOptions, FixResult, Listener


def engine(options: FixOptions, listener: Listener) -> FixResult:
    wanted = sys.argv[2]
    listener.stage("baseline", "12 tests, 2 failing")
    listener.suspects(samples.SUSPECTS)
    listener.stage("search", "shop/cart.py")
    listener.progress(100, 310.0, "+ becomes -")
    print("a library that talks on standard output")
    if wanted == "fail":
        raise QuantaError("pytest is not installed for /usr/bin/python3", hint="Install it there.")
    if wanted == "crash":
        raise RuntimeError("boom")
    if wanted == "wait":
        try:
            print("searching", file=sys.stderr, flush=True)
            time.sleep(30)
        except KeyboardInterrupt:
            return samples.INTERRUPTED
    return getattr(samples, wanted)


def main() -> None:
    flags = sys.argv[3:]

    def work() -> int:
        return run(
            FixArguments(path=Path(sys.argv[1])),
            apply="--apply" in flags,
            as_json="--json" in flags,
            show_all="--all" in flags,
            engine=engine,
        )

    sys.exit(guarded(work, ["fix", *flags]))


if __name__ == "__main__":
    main()
