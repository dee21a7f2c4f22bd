"""Every change is reversible, with or without git: snapshot, branch, restore, diff, undo."""

from quantatissu.workspace.core import SnapshotId, Workspace
from quantatissu.workspace.diff import FileState, diff_files, unified_diff
from quantatissu.workspace.exclusions import DEFAULT_EXCLUSIONS, Exclusions
from quantatissu.workspace.files import Skipped
from quantatissu.workspace.undo import UndoId, apply_files, undo
from quantatissu.workspace.watch import Watcher

__all__ = [
    "DEFAULT_EXCLUSIONS",
    "Exclusions",
    "FileState",
    "Skipped",
    "SnapshotId",
    "UndoId",
    "Watcher",
    "Workspace",
    "apply_files",
    "diff_files",
    "undo",
    "unified_diff",
]
