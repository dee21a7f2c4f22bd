"""Graphs on onnxruntime, and the threads they run on."""

from __future__ import annotations

import os

import onnxruntime
from threadpoolctl import threadpool_limits


class Threads:
    """The threads that all graphs of the process share, once one asked for more than its own."""

    count = 0

    @classmethod
    def make(cls, wanted: int | None) -> int:
        """Make them, by default as many as there are cores, unless they are there or one is enough; how many there are.

        The first of several decides for all, and from then on other users of onnxruntime in the process have to share
        them (``use_per_session_threads``).
        """
        threadpool_limits(1, "blas")  # numpy's own threads would wait for cores that these keep busy
        wanted = wanted or len(os.sched_getaffinity(0))
        if not cls.count and wanted > 1:
            onnxruntime.set_global_thread_pool_sizes(wanted, 1)
            cls.count = wanted
        return cls.count or 1


def open_session(graph: bytes | str) -> onnxruntime.InferenceSession:
    """A graph or the path of one, ready to run. With a pool of threads each, none would have a core: they share one, or
    need none.
    """
    options = onnxruntime.SessionOptions()
    if Threads.count:
        options.use_per_session_threads = False
    else:
        options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
