"""Writes an ablation to disk, as a page, JSON, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import json
import os

from animegan3_tf.evaluation.ablation import Ablation
from animegan3_tf.evaluation.ablation_page import BIASED, page_of
from animegan3_tf.evaluation.latex import latex_text, number
from animegan3_tf.evaluation.report import to_dict as evaluation_to_dict
from animegan3_tf.evaluation.result import Result
from animegan3_tf.report_files import write_texts

FILES = ("report.html", "report.json", "results.csv", "results.tex")
COLUMNS = ("run", "step", "metric", "value", "low", "high", "count", "note")
_ARROWS = {"lower": r" $\downarrow$", "higher": r" $\uparrow$", "": ""}
_OWN = ("sets", "rejected", "results")  # keys of an evaluation's JSON whose values differ between checkpoints
_DROPPED = "pictures"  # key of single images' scores; evaluating a checkpoint's folder on its own gives them


def write_ablation(ablation: Ablation, folder: str | os.PathLike) -> None:
    """Writes FILES into a folder, made if missing; each file is written whole or not at all."""
    texts = {
        "report.html": page_of(ablation),
        "report.json": json.dumps(to_dict(ablation), indent=1, allow_nan=False) + "\n",
        "results.csv": _csv(ablation),
        "results.tex": _latex(ablation),
    }
    write_texts(folder, texts)


def to_dict(ablation: Ablation) -> dict:
    """Everything about an ablation except single images' scores, as plain values for JSON."""
    checkpoints: dict[str, list[dict]] = {label: [] for label in ablation.runs}
    for one in ablation.measured:
        evaluation = evaluation_to_dict(one.evaluation)
        checkpoint = {"step": one.step, "source": str(one.source), "generator_sha256": one.sha256}
        checkpoints[one.label].append({**checkpoint, **{key: evaluation[key] for key in _OWN}})
    runs = {label: {"path": str(path), "checkpoints": checkpoints[label]} for label, path in ablation.runs.items()}
    shared = {key: value for key, value in evaluation.items() if key not in (*_OWN, _DROPPED)}
    best = {
        key: one and {"run": one.label, "step": one.step} for key in ablation.metrics for one in [ablation.best(key)]
    }
    return {**shared, "runs": runs, "best": best, "best_is_biased": BIASED, "problems": list(ablation.problems)}


def _csv(ablation: Ablation) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one in ablation.measured:
        for result in one.evaluation.results:
            low, high = result.interval or (None, None)
            writer.writerow((one.label, one.step, result.key, result.value, low, high, result.count, result.note))
    return text.getvalue()


def _latex(ablation: Ablation) -> str:
    """A `tabular` of the last checkpoint of each run, which was not chosen by its numbers on these photos."""
    last = [ablation.of(label)[-1] for label in ablation.runs if ablation.of(label)]
    rows = []
    for key, metric in ablation.metrics.items():
        cells = " & ".join(_cell(one.result(key)) for one in last)
        rows.append(f"{latex_text(metric.name)}{_ARROWS[metric.better]} & {cells} \\\\")
    heads = " & ".join(f"{latex_text(one.label)}, step {one.step:,}" for one in last)
    network = last[0].evaluation.measures.features
    features = network.to_dict() if network else {}
    return "\n".join(
        [
            "% the last checkpoint of each run; 95 % intervals",
            "% features: " + ", ".join(f"{key} {value}" for key, value in features.items()),
            rf"\begin{{tabular}}{{l{'r' * len(last)}}}",
            rf"metric & {heads} \\ \hline",
            *rows,
            r"\end{tabular}",
            "",
        ]
    )


def _cell(result: Result | None) -> str:
    if result is None or result.value is None:
        return "--"
    return number(result.value) + ("" if result.interval is None else " [{}, {}]".format(*map(number, result.interval)))
