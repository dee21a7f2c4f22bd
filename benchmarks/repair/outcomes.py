"""Run as a program: what the function of a program does on each of its inputs, printed as JSON.

Takes the program's name; its file and ``inputs.py`` are in the working folder. It runs with the interpreter of the
tests, so it needs the standard library only. The answers of both versions are compared as text.
"""

import copy
import importlib
import json
import sys
from typing import Any


def outcome(function: Any, arguments: Any) -> list[str]:
    """How one call ends, and what it makes of its arguments."""
    arguments = copy.deepcopy(arguments)
    try:
        ended = ["returned", repr(function(*arguments))]
    except Exception as error:
        ended = ["raised", type(error).__name__]
    return [*ended, repr(arguments)]


if __name__ == "__main__":
    sys.path.insert(0, "")
    inputs = importlib.import_module("inputs")
    function = getattr(importlib.import_module(sys.argv[1]), inputs.FUNCTION)
    print(json.dumps([outcome(function, arguments) for arguments in inputs.INPUTS]))
