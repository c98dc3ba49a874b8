"""Prints the result of `benchmark_export` as tables."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks.report import note_load

_FEW = 0.005  # share of the whole below which operations are joined in one row


def print_export(result: dict, console: Console) -> None:
    """Prints latencies, then operators."""
    machine = result["machine"]
    console.print(
        f"{machine['processor']}, {machine['cores']} cores; {result['settings']['rounds']} runs of each, in turns"
    )
    note_load(machine, console)
    for table in result["tables"]:
        _print_latencies(table, console)
    rows = result["operators"]
    _print_operators(f"float32 at {rows['size']}, operations alone, one thread", rows["rows"], console)
    _print_operators(f"plain at {rows['size']}, operations alone, one thread", rows["plain_rows"], console)


def _print_latencies(result, console):
    table = Table(title=f"{result['size']}x{result['size']}, {result['threads']} threads", title_justify="left")
    for name in (
        "model",
        "ms",
        "low to high",
        "times as fast as plain",
        "CPU ms",
        "times less CPU",
        "peak MiB",
        "XNNPACK",
    ):
        table.add_column(name, justify="left" if name == "model" else "right")
    for row in result["rows"]:
        delegate = row.get("delegate")
        table.add_row(
            row["name"],
            f"{row['ms']:.0f}",
            f"{row['ms_low']:.0f} to {row['ms_high']:.0f}",
            _ratio(row["times_as_fast"]),
            f"{row['cpu_ms']:.0f}",
            _ratio(row["times_less_cpu"]),
            f"{row['peak_bytes'] / 2**20:.0f}",
            f"{delegate['flop_share']:.1%} in {delegate['partitions']}" if delegate else "",
        )
    console.print(table)
    console.print(", ".join(sorted({row["runtime"] for row in result["rows"]})))


def _ratio(found):
    return f"{found['median']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def _print_operators(title, rows, console):
    total = sum(row["ms"] for row in rows)
    table = Table(title=title, title_justify="left")
    for name in ("operation", "count", "CPU ms", "share"):
        table.add_column(name, justify="left" if name == "operation" else "right")
    shown = [row for row in rows if row["ms"] >= _FEW * total]
    rest = [row for row in rows if row not in shown]
    for row in shown:
        table.add_row(row["operation"], str(row["count"]), f"{row['ms']:.1f}", f"{row['ms'] / total:.1%}")
    if rest:
        ms = sum(row["ms"] for row in rest)
        table.add_row("others", str(sum(row["count"] for row in rest)), f"{ms:.1f}", f"{ms / total:.1%}")
    table.add_section()
    table.add_row("sum", "", f"{total:.1f}", "100%")
    console.print(table)
