"""An ablation on disk: for programs, for a spreadsheet, for a paper and for the eye."""

from __future__ import annotations

import csv
import io
import json
import os

from animegan3_tf.evaluation.ablation import Ablation
from animegan3_tf.evaluation.ablation_page import BIASED, page_of
from animegan3_tf.evaluation.latex import latex_text, number
from animegan3_tf.evaluation.report import to_dict as evaluation_to_dict
from animegan3_tf.report_files import write_texts

FILES = ("report.html", "report.json", "results.csv", "results.tex")
COLUMNS = ("run", "step", "metric", "value", "low", "high", "count", "note")
_ARROWS = {"lower": r" $\downarrow$", "higher": r" $\uparrow$", "": ""}
_OWN = ("sets", "rejected", "results")  # of an evaluation's JSON: what differs between checkpoints
_DROPPED = "pictures"  # their own scores, which evaluating a checkpoint's folder on its own gives


def write_ablation(ablation: Ablation, folder: str | os.PathLike) -> None:
    """Writes FILES into a folder, each whole or not at all."""
    texts = {
        "report.html": page_of(ablation),
        "report.json": json.dumps(to_dict(ablation), indent=1, allow_nan=False) + "\n",
        "results.csv": _csv(ablation),
        "results.tex": _latex(ablation),
    }
    write_texts(folder, texts)


def to_dict(ablation: Ablation) -> dict:
    """Everything of an ablation but the single pictures' scores, as JSON takes it."""
    runs = {label: {"path": str(path), "checkpoints": []} for label, path in ablation.runs.items()}
    for one in ablation.measured:
        told = evaluation_to_dict(one.evaluation)
        checkpoint = {"step": one.step, "source": str(one.source), "generator_sha256": one.sha256}
        runs[one.label]["checkpoints"].append({**checkpoint, **{key: told[key] for key in _OWN}})
    shared = {key: value for key, value in told.items() if key not in (*_OWN, _DROPPED)}
    best = {
        key: one and {"run": one.label, "step": one.step} for key in ablation.metrics for one in [ablation.best(key)]
    }
    return {**shared, "runs": runs, "best": best, "best_is_biased": BIASED, "problems": list(ablation.problems)}


def _csv(ablation):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one in ablation.measured:
        for result in one.evaluation.results:
            low, high = result.interval or (None, None)
            writer.writerow((one.label, one.step, result.key, result.value, low, high, result.count, result.note))
    return text.getvalue()


def _latex(ablation):
    """A `tabular` of the last checkpoint of each run, which no number of these photos has chosen."""
    last = [ablation.of(label)[-1] for label in ablation.runs if ablation.of(label)]
    rows = []
    for key, metric in ablation.metrics.items():
        cells = " & ".join(_cell(one.result(key)) for one in last)
        rows.append(f"{latex_text(metric.name)}{_ARROWS[metric.better]} & {cells} \\\\")
    heads = " & ".join(f"{latex_text(one.label)}, step {one.step:,}" for one in last)
    features = last[0].evaluation.measures.features.to_dict()
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


def _cell(result):
    if result is None or result.value is None:
        return "--"
    return number(result.value) + ("" if result.interval is None else " [{}, {}]".format(*map(number, result.interval)))
