"""What went wrong, typed: the output of test runners and interpreters parsed into `Diagnostic`s.

`parse` reads any output, `parse_junit` a report, `parse_traceback` Python's own tracebacks; `environment_cause` and
`environment_failures` tell failures that no change of the code would mend from those that one might.
"""

from quantatissu.diagnostics.explain import (
    EnvironmentCause,
    EnvironmentFailures,
    environment_cause,
    environment_failures,
)
from quantatissu.diagnostics.junit import parse_junit
from quantatissu.diagnostics.model import Diagnostic, Frame, Location
from quantatissu.diagnostics.parse import parse
from quantatissu.diagnostics.tracebacks import parse_traceback

__all__ = [
    "Diagnostic",
    "EnvironmentCause",
    "EnvironmentFailures",
    "Frame",
    "Location",
    "environment_cause",
    "environment_failures",
    "parse",
    "parse_junit",
    "parse_traceback",
]
