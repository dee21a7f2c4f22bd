"""Several processes in a test: each runs the same list of trainings, one after another.

They are started with the environment that torchrun gives, without the second that torchrun itself takes. As a program
this module is one of them: it reads the trainings from its standard input.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Job = dict[str, Any]
"""``recipe``: a table; ``folder``: where; ``resume``; ``port``, free, where the processes meet."""


def job(recipe: dict[str, Any], folder: Path, *, resume: bool = False) -> Job:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return {"recipe": recipe, "folder": str(folder), "resume": resume, "port": probe.getsockname()[1]}


def together(jobs: list[Job], processes: int = 2) -> None:
    """Run `jobs` on so many processes; fails with what they said when one of them fails."""
    environment = {**os.environ, "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, "-X", "faulthandler", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(processes)
    ]
    try:
        for process in started:
            assert process.stdin is not None
            process.stdin.write(json.dumps(jobs))
            process.stdin.close()
            process.stdin = None
        said = [process.communicate(timeout=240)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert not any(process.returncode for process in started), "\n".join(said)


def torchrun(*arguments: str | Path, processes: int = 2, restarts: int = 0) -> subprocess.Popen[str]:
    """`quanta` under torchrun."""
    options = ["--standalone", f"--nproc-per-node={processes}", f"--max-restarts={restarts}"]
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", *options, "-m", "quantatissu", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def workers(started: subprocess.Popen[str]) -> list[int]:
    """The processes that torchrun started."""
    return [int(pid) for pid in Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()]


def wait_for_step(folder: Path, step: int, seconds: float = 90) -> None:
    """Until the run in `folder` has recorded `step`."""
    from quantatissu.training.metrics import read_records

    records, deadline = folder / "metrics.jsonl", time.monotonic() + seconds
    while not records.exists() or not any(one["step"] >= step for one in read_records(records)):
        assert time.monotonic() < deadline, f"step {step} was never reached"
        time.sleep(0.1)


def quick_peak(patch: Callable[[Any, str, Any], None] = setattr) -> None:
    """The peak is not what is tested here, and takes seconds."""
    from quantatissu.training.metrics import Peak

    module = importlib.import_module("quantatissu.training.run.assembling")
    patch(module, "measure_peak", lambda device, dtype: Peak(1e9, 0, "", ""))


def _main() -> None:
    import run_cases

    quick_peak()
    for one in json.load(sys.stdin):
        os.environ["MASTER_PORT"] = str(one["port"])
        run_cases.run(one["recipe"], Path(one["folder"]), resume=one["resume"])


if __name__ == "__main__":
    _main()
