"""Patches in words: what changed, in one line."""

from __future__ import annotations

from quantatissu.repair.candidates import Candidate
from quantatissu.rewriting import Edit


def in_words(candidate: Candidate, text: str, path: str) -> str:
    """What a candidate does to ``text``, in one line."""
    parts = [_edit_in_words(edit, text) for edit in candidate.rewrite.edits]
    line = text.count("\n", 0, candidate.rewrite.edits[0].start) + 1
    return f"{path}:{line}: " + "; ".join(dict.fromkeys(parts))


def _edit_in_words(edit: Edit, text: str) -> str:
    old, new = text[edit.start : edit.end].strip(), edit.text.strip()
    # Whole tokens read better than the few characters in which they differ.
    low, high = edit.start, edit.end
    if len(old) < 2 or len(new) < 2:
        while low > 0 and (text[low - 1].isalnum() or text[low - 1] in "_."):
            low -= 1
        while high < len(text) and (text[high].isalnum() or text[high] == "_"):
            high += 1
        whole_old, whole_new = (
            text[low:high].strip(),
            (text[low : edit.start] + edit.text + text[edit.end : high]).strip(),
        )
        if whole_old != old:
            old, new = whole_old, whole_new
    old, new = _short(old), _short(new)
    if not old:
        return f"insert `{new}`"
    if not new:
        return f"remove `{old}`"
    return f"replace `{old}` by `{new}`"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:77] + "..."
