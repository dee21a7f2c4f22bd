"""Python that an answer holds, judged by the record's tests in the sandbox."""

from __future__ import annotations

import re
import secrets
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from quantatissu.sandbox import Bind, Limits, Policy, Sandbox, open_sandbox
from quantatissu.training.rollouts.prompts import Prompt

_FENCE = re.compile(r"```[\w+-]*\n(.*?)```", re.DOTALL)
_INSIDE = Path("/quanta-score")
_LIMITS = Limits(wall_seconds=20.0, cpu_seconds=10, memory_bytes=1 << 30, processes=32, output_bytes=1 << 16)
# The word is printed only behind the tests: code that ends the process, or catches every exception, gets none printed.
# It is read before the code runs, so that what asks for input does not find it.
_HARNESS = """
def judge():
    import sys
    word = sys.stdin.readline()
    sys.path.insert(0, ".")
    import answer
    names = {name: value for name, value in vars(answer).items() if not name.startswith("__")}
    with open("tests.py", encoding="utf-8") as file:
        tests = compile(file.read(), "tests.py", "exec")
    exec(tests, {"__name__": "tests", **names})
    sys.__stdout__.write("\\n" + word)
judge()
"""


def tests_in_sandbox(prompt: Prompt, completion: str) -> float:
    """1 when the record's ``tests`` (Python that raises where something is wrong) pass on the answer's code, else 0.

    The code is the last fenced block of the answer, or all of it. For prompts to be continued the record's ``setup``
    goes before it: the head of the function, for instance. Raises QuantaError where no sandbox can be built. This keeps
    working code apart from broken code; code that is written to cheat its judge can: both run in one process.
    """
    tests = prompt.record.get("tests")
    if not isinstance(tests, str):
        raise ValueError("the record has no text in its field tests")
    blocks = _FENCE.findall(completion)
    code = str(prompt.record.get("setup", "")) + (blocks[-1] if blocks else completion)
    word = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="quanta-score-") as name:
        for file, text in (("answer.py", code), ("tests.py", tests)):
            (Path(name) / file).write_text(text, encoding="utf-8", errors="replace")
        policy = Policy(
            readable=(Path(sys.prefix), Path(sys.base_prefix)),
            binds=(Bind(Path(name), _INSIDE),),
            environment={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0"},
            limits=_LIMITS,
        )
        command = [sys.executable, "-P", "-B", "-c", _HARNESS]
        finished = _sandbox().run(command, cwd=_INSIDE, policy=policy, stdin=f"{word}\n".encode())
    return float(finished.ok and finished.stdout.rstrip().endswith(word.encode()))


@lru_cache(maxsize=1)
def _sandbox() -> Sandbox:
    return open_sandbox()
