"""Which engine runs Daft's plans: this machine, or a Ray cluster."""

from __future__ import annotations

import logging
import os
from typing import Literal

from quantatissu.foundation import QuantaError

Runner = Literal["native", "ray"]

# Daft reads these when it is imported, Ray when it starts: no telemetry, and no progress bars between ours.
_QUIET = {
    "DAFT_ANALYTICS_ENABLED": "0",
    "DO_NOT_TRACK": "true",
    "SCARF_NO_ANALYTICS": "true",
    "DAFT_PROGRESS_BAR": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
# The native runner remarks that it has no partitions, which is as it should be, and that a worker took long to exit.
_CHATTY = ("daft_local_plan", "daft_local_execution")


def use_runner(runner: Runner) -> None:
    """Import Daft with its telemetry off and have it run plans on ``runner``. One process can use one runner only.

    Ray connects to the cluster that ``RAY_ADDRESS`` names, or starts one on this machine, unless it is running already.
    Raises QuantaError where Daft was told otherwise before.
    """
    os.environ.update(_QUIET)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    import daft

    if runner == "ray":
        import ray

        if not ray.is_initialized():
            variables = {"env_vars": _QUIET}
            ray.init(runtime_env=variables, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        daft.set_runner_ray(noop_if_initialized=True)
    elif daft.get_or_infer_runner_type() != "native":
        raise QuantaError("this process runs Daft on Ray already; the native runner needs one of its own")
