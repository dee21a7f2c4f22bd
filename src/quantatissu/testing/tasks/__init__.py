"""What tox, nox, make and project scripts would run, read from their files; nothing here is ever executed."""

from quantatissu.testing.tasks.model import Task
from quantatissu.testing.tasks.resolve import resolve

__all__ = ["Task", "resolve"]
