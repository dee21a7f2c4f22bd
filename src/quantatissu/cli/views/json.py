"""A repair as exactly one JSON object. The keys are a contract: new ones may be added, none change meaning.

The text is ASCII: bytes of a patch that are not UTF-8 appear as lone surrogates (``\\udc80`` to ``\\udcff``, Python's
``surrogateescape``), so a patch survives the trip byte for byte.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from quantatissu.repair.report import FixResult, LintReport, Patch


def document(result: FixResult, *, applied: bool = False) -> dict[str, Any]:
    """The object that ``quanta fix --json`` prints; README.md describes every key."""
    patch = result.patch
    return {
        "status": result.status,
        "message": result.message,
        "hint": result.hint,
        "patch": patch.diff if patch else None,
        "applied": applied,
        "explanation": result.explanation or (patch.explanation if patch else ""),
        "operators": list(patch.operators) if patch else [],
        "found_at": patch.found_at if patch else None,
        "alternatives": [_patch(alternative) for alternative in result.alternatives],
        "partial": _patch(result.partial) if result.partial else None,
        "failing_before": list(result.failing_before),
        "failing_after": list(result.failing_after),
        "flaky": list(result.flaky),
        "not_run": result.not_run,
        "suspects": [
            {
                "path": suspect.path,
                "line": suspect.line,
                "score": _number(suspect.score, 4),
                "reason": suspect.reason,
                "source": suspect.source,
            }
            for suspect in result.suspects
        ],
        "candidates_tried": result.candidates_tried,
        "candidates_per_second": _number(result.candidates_per_second, 2),
        "seconds_to_first": _number(result.seconds_to_first, 4),
        "seconds": {"total": 0.0} | {stage: _number(seconds, 4) for stage, seconds in result.seconds.items()},
        "warnings": list(result.warnings),
        "interrupted": result.interrupted,
        "lint": _lint(result.lint) if result.lint else None,
    }


def line(result: FixResult, *, applied: bool = False) -> str:
    """`document` as one line of text with its newline."""
    return json.dumps(document(result, applied=applied)) + "\n"


def error_line(message: str, hint: str | None, *, complete: bool) -> str:
    """One object for a run that failed; ``complete`` gives it every key a repair has."""
    if complete:
        return line(FixResult(status="error", message=message, hint=hint))
    return json.dumps({"status": "error", "message": message, "hint": hint}) + "\n"


def _patch(patch: Patch) -> dict[str, Any]:
    return {
        "patch": patch.diff,
        "explanation": patch.explanation,
        "fixes": list(patch.fixes),
        "verified": patch.verified,
        "score": _number(patch.score, 4),
        "found_at": patch.found_at,
        "operators": list(patch.operators),
    }


def _lint(report: LintReport) -> dict[str, Any]:
    return {
        "found": report.found,
        "fixed": report.fixed,
        "rules": [asdict(rule) for rule in report.rules],
        "left": [asdict(left) for left in report.left],
        "tests": report.tests,
    }


def _number(value: float | None, digits: int) -> float | None:
    """Rounded; JSON knows no infinity and no NaN."""
    return round(value, digits) if value is not None and math.isfinite(value) else None
