"""Where untrusted code runs: confined by the kernel, limited in what it may use, and gone when the handle is."""

from quantatissu.sandbox.confine import Sandbox
from quantatissu.sandbox.git import confined_git, run_git
from quantatissu.sandbox.policy import Bind, Finished, Limits, Network, Policy, Usage
from quantatissu.sandbox.probe import Capabilities, Capability, available, open_sandbox
from quantatissu.sandbox.process import Process

__all__ = [
    "Bind",
    "Capabilities",
    "Capability",
    "Finished",
    "Limits",
    "Network",
    "Policy",
    "Process",
    "Sandbox",
    "Usage",
    "available",
    "confined_git",
    "open_sandbox",
    "run_git",
]
