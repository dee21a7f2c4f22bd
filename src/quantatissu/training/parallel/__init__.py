"""How a run is spread over processes.

What one process needs is exported here; the rest is in the files, and is imported when there are several: `spread` cuts
a decoder, `filling` gives it weights, `whole` calls it as if it were not cut, `pipeline` trains through its stages.
"""

from quantatissu.training.parallel.alone import Alone, Group
from quantatissu.training.parallel.mesh import (
    Mesh,
    local,
    local_rank,
    open_group,
    processes,
    restarted,
    settle,
    told_once,
)
from quantatissu.training.parallel.plan import Plan, make_plan

__all__ = [
    "Alone",
    "Group",
    "Mesh",
    "Plan",
    "local",
    "local_rank",
    "make_plan",
    "open_group",
    "processes",
    "restarted",
    "settle",
    "told_once",
]
