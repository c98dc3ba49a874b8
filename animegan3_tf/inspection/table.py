"""An inspection as a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from animegan3_tf.inspection.inspect import Inspection


def print_inspection(inspection: Inspection, console: Console) -> None:
    """Prints the facts about photos and anime side by side, then the warnings."""
    table = Table(show_edge=False)
    for name in ("", "photos", "anime"):
        table.add_column(name, justify="right" if name else "left")
    for name, *values in facts(inspection):
        table.add_row(name, *(Text(value) for value in values))
    console.print(table)
    for warning in inspection.warnings:
        console.print(Text(f"warning: {warning}"), soft_wrap=True)


def facts(inspection: Inspection) -> list[tuple[str, str, str]]:
    """Rows of text: (name of the fact, the photos' value, the anime's value)."""
    findings = inspection.to_dict()
    domains = [findings["photos"], findings["anime"]]
    rows = [
        ("pictures", lambda d: f"{d['readable']:,}"),
        ("rejected", lambda d: f"{len(d['rejected']):,}"),
        ("size on disk", lambda d: _bytes(d["bytes"])),
        ("formats", lambda d: ", ".join(f"{name} {count:,}" for name, count in d["formats"].items())),
        ("colour modes", lambda d: ", ".join(f"{name} {count:,}" for name, count in d["modes"].items())),
        ("width", lambda d: _range(d["width"], "{:,.0f}")),
        ("height", lambda d: _range(d["height"], "{:,.0f}")),
        ("width over height", lambda d: _range(d["aspect"], "{:.2f}")),
        ("mean brightness", lambda d: f"{d['colors']['brightness']:.1f}" if d["readable"] else "-"),
        (
            "mean red, green, blue",
            lambda d: " ".join(f"{v:.0f}" for v in d["colors"]["mean"]) if d["readable"] else "-",
        ),
        ("without colour", lambda d: f"{len(d['grey']):,}"),
        ("letterboxed", lambda d: f"{len(d['letterboxed']):,}"),
        ("animated", lambda d: f"{len(d['animated']):,}"),
        ("look like another", lambda d: f"{sum(len(group) - 1 for group in d['duplicates']):,}"),
    ]
    targets: dict[str, list[str]] = {"photos": [], "anime": []}
    for stage in inspection.stages:
        kind = "photos" if stage.source == inspection.surveys["photos"].folder else "anime"
        count = inspection.missing[stage.name]
        targets[kind].append(f"{stage.name} {f'{count:,} missing' if count else 'all there'}")
    return [
        *((name, words(domains[0]), words(domains[1])) for name, words in rows),
        ("targets", ", ".join(targets["photos"]), ", ".join(targets["anime"])),
    ]


def _range(values: Sequence[float] | None, form: str) -> str:
    if values is None:
        return "-"
    low, middle, high = (form.format(value) for value in values)
    return low if low == high else f"{low} to {high}, median {middle}"


def _bytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
