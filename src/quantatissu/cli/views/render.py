"""A repair's result for people: patch, proof, and when there is no patch everything that still helps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from quantatissu.cli.terminal import printable
from quantatissu.cli.views.diff import diff_view
from quantatissu.foundation.amounts import counted_plainly
from quantatissu.repair.report import FixResult, LintReport, Suspect

_HEADLINE = {
    "fixed": ("Fixed", "bold green"),
    "not_fixed": ("Not fixed", "bold yellow"),
    "nothing_to_fix": ("Nothing to fix", "bold green"),
    "error": ("Error", "bold red"),
}
_SHOWN_TESTS = 8
_SHOWN_SUSPECTS = 10
_SHOWN_LEFT = 15


def report(result: FixResult, *, show_all: bool = False, show_patch: bool = True) -> RenderableType:
    """The whole result. ``show_all`` adds the runners-up; ``show_patch`` is off when the patch is printed elsewhere."""
    return Group(*_report(result, show_all, show_patch))


def _report(result: FixResult, show_all: bool, show_patch: bool) -> Iterator[RenderableType]:
    title, style = _HEADLINE[result.status]
    if result.interrupted:
        title, style = f"Interrupted · {title.lower()}", "bold yellow"
    message = printable(result.message)
    if message.lower().startswith(title.lower()):  # the message may open with the same word
        yield Text.assemble((message[: len(title)], style), message[len(title) :])
    else:
        yield Text.assemble((title, style), "  ", message)
    for warning in result.warnings:
        yield Text.assemble(("warning ", "yellow"), printable(warning))
    if result.patch:
        if show_patch:
            yield from _section(None, diff_view(result.patch.diff))
        explanation = result.explanation or result.patch.explanation
        if explanation:
            yield from _section(None, Text(printable(explanation)))
    if result.lint:
        yield from _section("Rules", rules(result.lint))
        if result.lint.left:
            yield from _section("Left", left(result.lint, None if show_all else _SHOWN_LEFT))
    elif result.status in {"fixed", "not_fixed"}:
        yield from _section("Proof" if result.patch else "What was tried", proof(result))
    if result.status == "not_fixed":
        if result.partial:
            yield from _section(
                f"Best partial patch: fixes {counted_plainly(len(result.partial.fixes), 'test')}",
                diff_view(result.partial.diff),
            )
        if result.suspects:
            yield from _section("Suspicious lines", suspects(result.suspects))
    if show_all and not result.lint and result.status in {"fixed", "not_fixed"}:
        if not result.alternatives:
            yield from _section("Runners-up", Text("none passed the tests", style="dim"))
        for rank, patch in enumerate(result.alternatives, start=1):
            title = f"Runner-up {rank} · {printable(patch.explanation) or 'no explanation'}"
            yield from _section(f"{title}{'' if patch.verified else ' · not verified'}", diff_view(patch.diff))
    if result.hint:
        yield Text()
        yield Text.assemble(("hint ", "bold cyan"), printable(result.hint))


def proof(result: FixResult) -> Table:
    """What was run and what came of it, one fact a row."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("failing before", _tests(result.failing_before, "red"))
    if result.patch:
        table.add_row("failing after", _tests(result.failing_after, "red"))
        table.add_row("verified", _verified(result))
    if result.flaky:
        table.add_row("flaky, set aside", _tests(result.flaky, "yellow"))
    if result.not_run:
        table.add_row(
            "not run", Text(f"{counted_plainly(result.not_run, 'test')}: the budget left no time", style="yellow")
        )
    table.add_row("candidates", _candidates(result))
    table.add_row("seconds", _seconds(result))
    return table


def suspects(ranked: Iterable[Suspect], limit: int = _SHOWN_SUSPECTS) -> Table:
    """Suspicious lines, most suspicious first: score, place, the line itself and the reason."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for suspect in list(ranked)[:limit]:
        table.add_row(
            Text(f"{suspect.score:.2f}", style="bold" if suspect.score >= 0.5 else "dim"),
            Text.assemble(
                (f"{printable(suspect.path)}:{suspect.line}", "cyan"),
                (f"  {printable(suspect.reason)}", "dim"),
                "\n    ",
                printable(suspect.source).strip(),
            ),
        )
    return table


def rules(report: LintReport) -> Table:
    """What became of each rule's findings, one rule a row."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim", overflow="fold")
    for rule in report.rules:
        style = "green" if rule.fixed == rule.found else "yellow" if rule.fixed else "red"
        safe = f"{rule.safe} by ruff's own safe fixes" if rule.safe else ""
        table.add_row(printable(rule.code), Text(f"{rule.fixed} of {rule.found}", style=style), safe)
    return table


def left(report: LintReport, limit: int | None) -> Table:
    """The findings that stay, where they are in the patched files, and why."""
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    for one in report.left[:limit]:
        table.add_row(
            Text.assemble(
                (f"{printable(one.path)}:{one.line}:{one.column}", "cyan"),
                f"  {printable(one.code)} {printable(one.message)}",
                (f"  {printable(one.reason)}", "dim"),
            )
        )
    if limit is not None and len(report.left) > limit:
        table.add_row(Text(f"and {len(report.left) - limit} more (--all shows them)", style="dim"))
    return table


def _section(title: str | None, body: RenderableType) -> Iterator[RenderableType]:
    yield Text()
    if title:
        yield Text(title, style="bold")
    yield Padding(body, (0, 0, 0, 2))


def _tests(names: tuple[str, ...], style: str) -> Text:
    if not names:
        return Text("0", style="green")
    shown = [printable(name) for name in names[:_SHOWN_TESTS]]
    if len(names) > len(shown):
        shown.append(f"and {len(names) - len(shown)} more (--json lists all)")
    return Text.assemble((str(len(names)), f"bold {style}"), *(f"\n{name}" for name in shown))


def _verified(result: FixResult) -> Text:
    assert result.patch
    if result.patch.verified:
        return Text("the whole test command ran once more on the patched tree, in a clean process", style="green")
    return Text("no: the whole test command was not run with this patch", style="yellow")


def _candidates(result: FixResult) -> Text:
    text = Text(f"{result.candidates_tried:,} tried")
    if result.candidates_tried:
        text.append(f", {result.candidates_per_second:,.0f} a second", style="dim")
    if result.patch:
        text.append(f", this was number {result.patch.found_at:,}", style="dim")
    return text


def _seconds(result: FixResult) -> Text:
    total = result.seconds.get("total", sum(result.seconds.values()))
    stages = [f"{stage} {seconds:.1f}" for stage, seconds in result.seconds.items() if stage != "total"]
    text = Text(f"{total:.1f}")
    return text.append(f"  ({', '.join(stages)})", style="dim") if stages else text
