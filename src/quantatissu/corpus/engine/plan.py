"""The Daft plan: one row for each unit of work, mapped over processes on this machine or over a Ray cluster.

The plan is the same for both runners. A unit of work writes its own files, so the rows carry no documents: what
travels is which group to do, and how it went.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError

Work = Callable[[str], str]
"""A picklable function from a job to its result, both short texts."""


def map_jobs(work: Work, jobs: Sequence[str], *, workers: int) -> Iterator[str]:
    """The results of ``work`` over ``jobs`` on at most ``workers`` processes, as they come, in no defined order.

    The runner must be set (`runner.use_runner`). An exception in a worker ends the plan and is raised here, as a
    QuantaError where it was one or an OSError. When the caller stops iterating or is interrupted, the workers of this
    process are ended; what they were writing is never seen.
    """
    if not jobs:
        return
    import daft

    frame = daft.from_pydict({"job": list(jobs)})
    with _expected_warnings():
        # On a cluster every job is a partition of its own and goes wherever there is room; here it changes nothing.
        frame = frame.into_partitions(len(jobs))
        frame = frame.select(_worker(work, workers)(daft.col("job")).alias("result"))
        rows = frame.iter_rows(results_buffer_size=workers)
        try:
            for row in rows:
                yield _checked(row["result"])
        finally:
            _end_workers()


def _worker(work: Work, workers: int) -> Any:
    """The plan's function: a class, because what `work` has to load is loaded once in each process."""
    import daft

    @daft.cls(max_concurrency=workers, use_process=True)
    class Worker:
        def __init__(self) -> None:
            # Ctrl-C goes to every process of the terminal; only the one that people talk to answers it.
            with contextlib.suppress(ValueError):
                signal.signal(signal.SIGINT, signal.SIG_IGN)

        @daft.method.batch(return_dtype=daft.DataType.string(), batch_size=1)
        def run(self, jobs: Any) -> list[str]:
            return [_attempt(work, job) for job in jobs.to_pylist()]

    return Worker().run


def _attempt(work: Work, job: str) -> str:
    """The result of a job, or what the user can mend: exceptions lose their kind on the way through Daft."""
    try:
        return f"done {work(job)}"
    except QuantaError as error:
        return "failed " + json.dumps([error.message, error.hint])
    except OSError as error:
        return "failed " + json.dumps([str(error), "Mend it and go on with --resume."])


def _checked(result: str) -> str:
    """The result itself. Raises QuantaError for one that failed."""
    outcome, _, value = result.partition(" ")
    if outcome == "failed":
        message, hint = json.loads(value)
        raise QuantaError(message, hint=hint)
    return value


@contextlib.contextmanager
def _expected_warnings() -> Iterator[None]:
    """Daft warns that the native runner has no partitions, and Daft about Ray's internals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _end_workers() -> None:
    """Kill the worker processes that Daft started for this process and that are still there."""
    if sys.exc_info()[0] is None:
        return
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            command = folder.joinpath("cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if parent == os.getpid() and b"daft.execution.udf_worker" in command:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(folder.name), signal.SIGKILL)
