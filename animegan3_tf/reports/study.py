"""The report of a study: page, JSON, CSV and LaTeX."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from animegan3_tf.common.console import number
from animegan3_tf.common.files import StrPath, write_texts
from animegan3_tf.reports.charts import interval_chart
from animegan3_tf.reports.html import render
from animegan3_tf.reports.table import INTERVAL, Cell, Column, Table, cell, csv_table, print_table, table_files
from animegan3_tf.study.score import QuestionScores, StudyScores
from animegan3_tf.study.statistics import Rate

_ENDS = ("", "_low", "_high")


def write_study_report(scores: StudyScores, folder: StrPath) -> Path:
    """Writes the four files, replacing earlier ones.

    Returns:
        The path of the page.

    Raises:
        UserError: A file cannot be written.
    """
    records = [{"question": name, **row} for name, question in scores.questions.items() for row in question.rows()]
    about = f"study {scores.study.id}: {scores.study.kind}, {len(scores.raters):,} raters"
    texts = {
        "report.json": json.dumps(scores.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "report.csv": csv_table(Table.of_records(records)),
        "report.html": _page(scores),
        **table_files("report", [study_table(scores.questions, about)], ["latex"]),
    }
    write_texts(folder, texts)
    return Path(folder, "report.html")


def print_scores(scores: StudyScores, console: Console) -> None:
    """Prints a table for each question, the agreement and the consistency."""
    for name, question in scores.questions.items():
        print_table(study_table({name: question}).without("question"), console, title=name)
        console.print("; ".join(study_remarks(question)), soft_wrap=True, highlight=False)
    console.print(f"raters: {len(scores.raters):,}, files left out: {len(scores.rejected):,}", highlight=False)


def study_table(questions: Mapping[str, QuestionScores], *notes: str) -> Table:
    """Tabulates how often each method was preferred, in percent, its score, and its comparisons."""
    columns = (
        *("question", "method"),
        Column("preferred", f"preferred (%), {INTERVAL}"),
        Column("score", f"score, joint {INTERVAL}"),
        *("won", "tied", "lost"),
    )
    rows = []
    for name, question in questions.items():
        for row in question.rows():
            score, *ends = (row[f"score{end}"] for end in _ENDS)
            preferred = _percent(*(row[f"preference{end}"] for end in _ENDS)) if row["comparisons"] else None
            rows.append((name, row["method"], preferred, cell(score, ends), row["wins"], row["ties"], row["losses"]))
    return Table.of(columns, rows, notes)


def study_remarks(question: QuestionScores) -> list[str]:
    """Lines about agreement, consistency, and cautions for a reader of the numbers."""
    kappa = "undefined" if question.kappa is None else number(question.kappa)
    lines = [f"Fleiss' kappa {kappa}", f"repeats answered alike {_rate_text(question.consistency)}"]
    if question.left is not None:
        lines.append(f"left picture chosen {_rate_text(question.left)}")
    if question.scores.stabilised:
        lines.append(
            "wins do not lead from every method to every other, so that no finite scores exist: half a win was added "
            "each way for each pair"
        )
    return lines


def _rate_text(rate: Rate | None) -> str:
    """Writes a rate in percent with its interval and the number of answers."""
    return f"{_percent(rate.share, rate.low, rate.high).whole()} % of {rate.of:,}" if rate else "not asked"


def _percent(share: float, low: float, high: float) -> Cell:
    return cell(100 * share, (100 * low, 100 * high))


def _page(scores: StudyScores) -> str:
    study = scores.study
    return render(
        "study",
        about=f"{len(scores.raters):,} raters, {study.kind}, {study.items} items and {study.repeats} repeats each; "
        f"study {study.id}",
        questions=[_section(name, question) for name, question in scores.questions.items()],
        languages=", ".join(f"{language} {count:,}" for language, count in sorted(scores.languages.items())),
        raters=Table.of(
            ("rater", "alike (%)"),
            ((rater, None if share is None else 100 * share) for rater, share in scores.raters.items()),
        ),
        rejected=[f"{path} {why}" for path, why in scores.rejected.items()],
    )


def _section(name: str, question: QuestionScores) -> dict[str, object]:
    """What the template shows of a question."""
    rows, order, methods = question.rows(), question.order(), question.methods
    values = [(row["method"], *(row[f"score{end}"] for end in _ENDS)) for row in rows]
    rates = [(r["method"], *(100 * r[f"preference{e}"] for e in _ENDS)) for r in rows if r["comparisons"]]
    matrix = ([methods[i], *("" if i == j else _rate_text(question.rate(i, j)) for j in order)] for i in order)
    return {
        "name": name,
        "charts": [
            interval_chart("Score", f"log-odds, joint {INTERVAL}", values, reference=0.0),
            interval_chart("Preferred", f"% of comparisons, {INTERVAL}", rates, reference=50.0),
        ],
        "scores": study_table({name: question}).without("question"),
        "matrix": Table.of(("preferred to", *(Column(methods[j], methods[j]) for j in order)), matrix),
        "remarks": study_remarks(question),
    }
