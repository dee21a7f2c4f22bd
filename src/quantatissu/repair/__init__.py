"""The narrow skill: make failing tests pass with a small patch, and prove it.

Localise, propose, evaluate, choose. The search itself is `quantatissu.planning`'s; the edits are
`quantatissu.rewriting`'s; the tests run in `quantatissu.testing`'s warm workers.
"""

from quantatissu.repair.report import FixOptions, FixResult, Listener, Patch, Silent, Stage, Status, Suspect

__all__ = ["FixOptions", "FixResult", "Listener", "Patch", "Silent", "Stage", "Status", "Suspect", "fix"]


def fix(options: FixOptions, listener: Listener | None = None) -> FixResult:
    """Repair the project at ``options.path``; nothing in it is written. See `quantatissu.repair.pipeline`.

    Raises QuantaError when the run cannot begin: no tests found, no interpreter, no sandbox.
    """
    from quantatissu.repair.pipeline import run

    return run(options, listener or Silent())
