"""Reports on data: an inspection, on the console and as a page, and the page on which a person reviews pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from animegan3_tf.common.console import number
from animegan3_tf.common.errors import UserError, printable, quote
from animegan3_tf.common.files import StrPath, whole_file, write_texts
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, find_images, grid
from animegan3_tf.data.pairs import PairManifest
from animegan3_tf.data.targets import Stage, target_name
from animegan3_tf.inspection.inspect import Inspection
from animegan3_tf.inspection.survey import Survey, shown
from animegan3_tf.reports.charts import line_chart
from animegan3_tf.reports.html import Figure, evenly, figure, render, tile
from animegan3_tf.reports.table import Plain, Table, print_table

EXAMPLES = 8  # rows of each domain's contact sheet
_GROUPS, _ACROSS = 6, 4  # groups of duplicates that are shown, and images of each
_BINS = 64
PAIRS_PAGE = "pairs.html"
_REVIEW = "review.json"  # the file that the page of pairs saves


def print_inspection(inspection: Inspection, console: Console) -> None:
    """Prints the facts about photos and anime side by side, then the warnings."""
    print_table(facts_table(inspection), console)
    for warning in inspection.warnings:
        console.print(Text(printable(f"warning: {warning}")), soft_wrap=True)


def facts_table(inspection: Inspection) -> Table:
    """Tabulates facts about the photos and the anime."""
    findings = inspection.to_dict()
    facts: dict[str, Callable[[dict[str, Any]], Plain]] = {
        "pictures": lambda d: d["readable"],
        "rejected": lambda d: len(d["rejected"]),
        "size on disk": lambda d: _size(d["bytes"]),
        "formats": lambda d: _counts(d["formats"]),
        "colour modes": lambda d: _counts(d["modes"]),
        "width": lambda d: _range(d["width"]),
        "height": lambda d: _range(d["height"]),
        "width over height": lambda d: _range(d["aspect"]),
        "mean brightness": lambda d: d["colors"]["brightness"] if d["readable"] else None,
        "mean red, green, blue": lambda d: " ".join(f"{v:.0f}" for v in d["colors"]["mean"]) if d["readable"] else None,
        "without colour": lambda d: len(d["grey"]),
        "letterboxed": lambda d: len(d["letterboxed"]),
        "animated": lambda d: len(d["animated"]),
        "look like another": lambda d: sum(len(group) - 1 for group in d["duplicates"]),
    }
    targets: dict[str, list[str]] = {"photos": [], "anime": []}
    for stage in inspection.stages:
        kind = "photos" if stage.source == inspection.surveys["photos"].folder else "anime"
        missing = inspection.missing[stage.name]
        targets[kind].append(f"{stage.name} {f'{missing:,} missing' if missing else 'all there'}")
    rows = [(name, *(of(findings[kind]) for kind in targets)) for name, of in facts.items()]
    return Table.of(("", *targets), [*rows, ("targets", *map(", ".join, targets.values()))])


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _range(values: Sequence[float] | None) -> str | None:
    if values is None:
        return None
    low, middle, high = map(number, values)
    return low if low == high else f"{low} to {high}, median {middle}"


def _size(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**20:,.1f} MiB"


def write_inspection_page(inspection: Inspection, path: StrPath, max_pixels: int = DEFAULT_MAX_PIXELS) -> None:
    """Writes the page.

    Args:
        inspection: The findings.
        path: The file to write; its folder is made.
        max_pixels: The limit for images, which are read again to be shown.

    Raises:
        UserError: The file cannot be written.
    """
    findings = inspection.to_dict()
    paths = {kind: paths_of(survey, survey.names) for kind, survey in inspection.surveys.items()}
    page = render(
        "inspection",
        title=f"Data for {inspection.style.name}",
        lines=[" and ".join(str(survey.folder) for survey in inspection.surveys.values())],
        warnings=inspection.warnings,
        facts=facts_table(inspection),
        brightness=_histograms(findings, ["brightness"]),
        colours=_histograms(findings, ["red", "green", "blue"]),
        rejected=[reason for survey in inspection.surveys.values() for reason in survey.rejected.values()],
        duplicates=_duplicates(inspection, paths, max_pixels),
        alike=_alike(inspection),
        examples=_examples(inspection, paths, max_pixels),
    )
    try:
        with whole_file(path) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{quote(path)} cannot be written ({error.strerror}); name another with --page") from None


def _histograms(findings: dict, channels: Iterable[str]) -> list[str]:
    charts = []
    for channel in channels:
        series = {}
        for kind in ("photos", "anime"):
            shares, step = findings[kind]["histograms"][channel], 256 // _BINS
            bins = [100 * sum(shares[i : i + step]) for i in range(0, 256, step)]
            series[kind] = [(i * step + step / 2, share) for i, share in enumerate(bins)] if any(bins) else []
        title, across = channel.capitalize(), "level, 0 to 255"
        charts.append(line_chart(title, "% of the pixels", series, zero=True, across=across, last=False))
    return charts


def _duplicates(inspection: Inspection, paths: Mapping[str, Mapping[str, Path]], max_pixels: int) -> list[Figure]:
    """Draws groups of images of one folder that look alike."""
    found = []
    for kind, survey in inspection.surveys.items():
        for group in inspection.duplicates[kind][:_GROUPS]:
            names = [survey.names[i] for i in group]
            tiles = [tile(paths[kind][name], max_pixels) for name in names[:_ACROSS] if name in paths[kind]]
            more = f" and {len(names) - _ACROSS:,} more" if len(names) > _ACROSS else ""
            caption = f"{kind}: {', '.join(names[:_ACROSS])}{more}"
            found += [figure(grid([tiles]), f"{kind} that look alike", caption)] if tiles else []
    return found


def _alike(inspection: Inspection) -> list[str]:
    """Lines about the groups that are not drawn, and about images that are in both folders."""
    counts = {kind: len(groups) - _GROUPS for kind, groups in inspection.duplicates.items()}
    lines = [f"and {count:,} more groups of {kind}" for kind, count in counts.items() if count > 0]
    photos, anime = inspection.surveys["photos"].names, inspection.surveys["anime"].names
    return lines + [f"in both folders: {photos[i]} = {anime[j]}" for i, j in inspection.shared[:_GROUPS]]


def _examples(
    inspection: Inspection, paths: Mapping[str, Mapping[str, Path]], max_pixels: int
) -> list[tuple[list[str], list[Figure]]]:
    """Draws some images of each folder beside their targets: (names of the columns, the rows)."""
    examples = []
    for kind, survey in inspection.surveys.items():
        stages = [stage for stage in inspection.stages if stage.source == survey.folder]
        balanced = ["balanced"] if inspection.style.data.balance != "none" and kind == "anime" else []
        drawn = [
            figure(strip(paths[kind][name], stages, max_pixels), f"{name} and its targets", name)
            for name in evenly(survey.names, EXAMPLES)
            if name in paths[kind]
        ]
        examples.append(([kind, *balanced, *(stage.name for stage in stages)], drawn))
    return examples


def paths_of(survey: Survey, names: list[str]) -> dict[str, Path]:
    """Finds the files behind names that `shown` wrote; files that are gone since are left out."""
    found = {shown(path, survey.folder): path for path in find_images(survey.folder, on_error=lambda *_: None)}
    return {name: found[name] for name in names if name in found}


def strip(path: Path, stages: list[Stage], max_pixels: int = DEFAULT_MAX_PIXELS) -> np.ndarray:
    """Draws an image and its targets as a row of square tiles.

    Args:
        path: The image, in the stages' source folder.
        stages: The targets to show, one tile each. A missing target is a grey tile. Where a stage balances colours,
            the balanced image stands between the image and the targets.
        max_pixels: Larger images are shown as a grey tile.

    Returns:
        uint8 [TILE, W, 3].
    """
    tiles = [tile(path, max_pixels)]
    balance = next((stage.parameters["balance"] for stage in stages if stage.parameters.get("balance")), None)
    if balance is not None:
        tiles.append(tile(path, max_pixels, balance))
    tiles += [tile(stage.target / target_name(path.relative_to(stage.source).as_posix())) for stage in stages]
    return grid([tiles])


def write_pair_page(manifest: PairManifest) -> Path:
    """Writes pairs.html into a folder of pairs: every drawing beside its photo, the most doubtful first.

    It shows the images that lie beside it; a person crosses off those that training should leave out.

    Args:
        manifest: The records of the folder.

    Returns:
        The path of the page.

    Raises:
        UserError: The page cannot be written.
    """
    rejected = sorted((name, rejection.reason) for name, rejection in manifest.rejections())
    kinds = Counter(reason.partition(":")[0] for _, reason in rejected)
    margins = {stem: record["margin"] for stem, record in manifest.pairs.items()}
    doubtful = sorted(margins, key=lambda stem: (float("inf") if margins[stem] is None else margins[stem], stem))
    common = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    page = render(
        "pairs",
        beside=True,
        lines=[
            f"{len(margins):,} pairs; {len(rejected):,} photos and faces gave none. "
            f"Click each pair that training should leave out, save, and run animegan3 pairs --review {_REVIEW}."
        ],
        pairs=[(stem, margins[stem]) for stem in doubtful],
        reasons=Table.of(("reason", "how often"), common),
        rejected=Table.of(("photo", "reason"), rejected),
    )
    write_texts(manifest.folder, {PAIRS_PAGE: page})
    return manifest.folder / PAIRS_PAGE
