"""The report of an inspection: on the console, and as a page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import whole_file
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, grid
from animegan3_tf.inspection.inspect import Inspection
from animegan3_tf.reports.charts import line_chart
from animegan3_tf.reports.contact_sheet import examples, paths_of, strip, tile
from animegan3_tf.reports.html import figure, page


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


EXAMPLES = 8  # rows of each domain's contact sheet
_GROUPS, _ACROSS = 6, 4  # groups of duplicates that are shown, and images of each
_LISTED = 50  # rejected files that are listed; the others are only counted
_BINS = 64
_SECTIONS = ("warnings", "counts", "brightness", "colours", "rejected", "duplicates", "examples")


def write_inspection_page(
    inspection: Inspection, path: str | os.PathLike, max_pixels: int = DEFAULT_MAX_PIXELS
) -> None:
    """Writes the page. A section's id is its name in `_SECTIONS`.

    Args:
        inspection: The findings.
        path: The file to write; its folder is made.
        max_pixels: The limit for images, which are read again to be shown.

    Raises:
        UserError: The file cannot be written.
    """
    findings = inspection.to_dict()
    paths = {kind: paths_of(survey, survey.names) for kind, survey in inspection.surveys.items()}
    bodies = {
        "warnings": _warnings(inspection),
        "counts": _counts(inspection),
        "brightness": _histograms(findings, ("brightness",)),
        "colours": _histograms(findings, ("red", "green", "blue")),
        "rejected": _rejected(inspection),
        "duplicates": _duplicates(inspection, paths, max_pixels),
        "examples": _examples(inspection, paths, max_pixels),
    }
    folders = " and ".join(str(survey.folder) for survey in inspection.surveys.values())
    links = " ".join(f'<a href="#{name}">{name}</a>' for name in _SECTIONS)
    header = (
        f"<header><h1>Data for {escape(inspection.style.name)}</h1><p>{_text(folders)}</p><nav>{links}</nav></header>"
    )
    sections = [f'<section id="{name}"><h2>{name.capitalize()}</h2>{bodies[name]}</section>' for name in _SECTIONS]
    try:
        with whole_file(path) as temporary:
            temporary.write_text(
                page(f"Data for {inspection.style.name}", header + "".join(sections)), encoding="utf-8"
            )
    except OSError as error:
        raise UserError(f"{quote(path)} cannot be written ({error.strerror}); name another with --page") from None


def _warnings(inspection: Inspection) -> str:
    return _list(inspection.warnings) or "<p>None.</p>"


def _counts(inspection: Inspection) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{name}</th><td>{escape(photos)}</td><td>{escape(anime)}</td></tr>"
        for name, photos, anime in facts(inspection)
    )
    return f"<table class='facts'><tr><th></th><th scope='col'>photos</th><th scope='col'>anime</th></tr>{rows}</table>"


def _histograms(findings: dict, channels: Iterable[str]) -> str:
    charts = []
    for channel in channels:
        series = {}
        for kind in ("photos", "anime"):
            shares, step = findings[kind]["histograms"][channel], 256 // _BINS
            bins = [100 * sum(shares[i : i + step]) for i in range(0, 256, step)]
            series[kind] = [(i * step + step / 2, share) for i, share in enumerate(bins)] if any(bins) else []
        chart = line_chart(
            channel.capitalize(), "% of the pixels", series, zero=True, across="level, 0 to 255", last=False
        )
        charts.append(chart)
    note = "Share of pixels at each level. Every picture has the same weight."
    return f"<p class='note'>{note}</p><div class='charts'>{''.join(charts)}</div>"


def _rejected(inspection: Inspection) -> str:
    reasons = [reason for survey in inspection.surveys.values() for reason in survey.rejected.values()]
    more = f"<p>and {len(reasons) - _LISTED:,} more</p>" if len(reasons) > _LISTED else ""
    return (_list(reasons[:_LISTED]) or "<p>None.</p>") + more


def _duplicates(inspection: Inspection, paths: Mapping[str, Mapping[str, Path]], max_pixels: int) -> str:
    parts = []
    for kind, survey in inspection.surveys.items():
        groups = inspection.duplicates[kind]
        for group in groups[:_GROUPS]:
            names = [survey.names[i] for i in group]
            tiles = [tile(paths[kind][name], max_pixels) for name in names[:_ACROSS] if name in paths[kind]]
            if tiles:
                parts.append(figure(grid([tiles]), f"{kind} that look alike", f"{kind}: {_names(names)}"))
        if len(groups) > _GROUPS:
            parts.append(f"<p>and {len(groups) - _GROUPS:,} more groups of {kind}</p>")
    for photo, anime in inspection.shared[:_GROUPS]:
        names = [inspection.surveys["photos"].names[photo], inspection.surveys["anime"].names[anime]]
        parts.append(f"<p>in both folders: {escape(' = '.join(names))}</p>")
    return "".join(parts) or "<p>None.</p>"


def _examples(inspection: Inspection, paths: Mapping[str, Mapping[str, Path]], max_pixels: int) -> str:
    parts = []
    for kind, survey in inspection.surveys.items():
        stages = [stage for stage in inspection.stages if stage.source == survey.folder]
        columns = [kind, *(["balanced"] if inspection.style.data.balance != "none" and kind == "anime" else [])]
        columns += [stage.name for stage in stages]
        parts.append(f"<h3>{' | '.join(columns)}</h3><div class='strips'>")
        for name in examples(survey, EXAMPLES):
            if name in paths[kind]:
                parts.append(figure(strip(paths[kind][name], stages, max_pixels), f"{name} and its targets", name))
        parts.append("</div>")
    return f"<p class='note'>A grey tile stands for a target that is not made yet.</p>{''.join(parts)}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:_ACROSS]) + (f" and {len(names) - _ACROSS:,} more" if len(names) > _ACROSS else "")


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_text(line)}</li>' for line in lines)}</ul>" if lines else ""


def _text(text: str) -> str:
    return escape(text.encode(errors="backslashreplace").decode())
