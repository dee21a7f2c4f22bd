"""A project's tests: found, run, traced and run again, in the project's own interpreter and inside the sandbox.

`command` and `discover` understand how the project is tested, `interpreter` what runs it, `slot` is a place to run it
in, `client` the warm worker there, `baseline` what the suite says before anything is changed. What is injected into the
project's interpreter lives in `worker`.
"""

from quantatissu.testing.command import TestCommand, parse_command
from quantatissu.testing.configuration import Settings, load_settings
from quantatissu.testing.discover import find_command, locate
from quantatissu.testing.interpreter import Interpreter, choose_interpreter, probe
from quantatissu.testing.records import Raised, TestResult

__all__ = [
    "Interpreter",
    "Raised",
    "Settings",
    "TestCommand",
    "TestResult",
    "choose_interpreter",
    "find_command",
    "load_settings",
    "locate",
    "parse_command",
    "probe",
]
