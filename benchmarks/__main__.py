"""``python -m benchmarks``: list the benchmarks, or run one and say in its last line whether it reached its bar."""

from __future__ import annotations

import sys

from benchmarks.registry import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
