"""Lint findings fixed and verified: ruff's own edits, safe and unsafe, and edits of ours where it has none.

`ruff` asks the linter, `rules` holds our edits, `files` tries them on one file until ruff has no more to say, `verify`
decides what counts, `blame` takes out what breaks a test, `pipeline` runs it all, `answer` tells it. Not covered:
notebooks, and rules that need another file to be changed.
"""

from quantatissu.repair.lint.pipeline import fix_lint

__all__ = ["fix_lint"]
