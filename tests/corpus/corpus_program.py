"""``quanta corpus …`` in a process of its own, to be killed or interrupted; ``ray`` before it: on a cluster of two nodes."""

from __future__ import annotations

import sys

from quantatissu.cli.corpus import app
from quantatissu.cli.main import guarded


def work() -> int:
    chosen = app(arguments, standalone_mode=False, prog_name="quanta corpus")
    return chosen() if callable(chosen) else chosen or 0


def cluster_of_two() -> None:
    """A head and one more node, each with one processor, and this process connected to them."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[0] == "ray":
        arguments = arguments[1:]
        cluster_of_two()
    sys.exit(guarded(work, arguments))
