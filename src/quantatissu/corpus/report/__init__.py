"""What a corpus is, for people and programs: `summary` reads a build folder, `write_report` leaves its report there.

Nothing in a report is taken on trust from documents: paths, excerpts and names are shown as text, whatever they hold.
"""

from __future__ import annotations

from pathlib import Path

from quantatissu.corpus.report.html import report_page
from quantatissu.corpus.report.model import Report
from quantatissu.corpus.report.summary import summary

__all__ = ["Report", "summary", "write_report"]


def write_report(folder: Path) -> Path:
    """Write ``report.json`` and ``report.html`` into a build folder and return the page's path.

    The same build gives the same bytes. QuantaError when `folder` holds no finished build.
    """
    report = summary(folder)
    page = folder / "report.html"
    for path, text in ((folder / "report.json", report.to_json()), (page, report_page(report))):
        unfinished = path.with_name(f".{path.name}.unfinished")
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        unfinished.replace(path)
    return page
