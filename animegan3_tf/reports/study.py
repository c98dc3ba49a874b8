"""The report of a study: page, JSON, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from animegan3_tf.common.files import write_texts
from animegan3_tf.reports.charts import interval_chart
from animegan3_tf.reports.html import page
from animegan3_tf.study.score import QuestionScores, StudyScores
from animegan3_tf.study.statistics import Rate

COLUMNS = (
    *("question", "method", "score", "score_low", "score_high", "preference", "preference_low", "preference_high"),
    *("wins", "ties", "losses", "comparisons", "effective"),
)
_ESCAPED = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_ESCAPED |= {character: f"\\{character}" for character in "&%$#_{}"}


def rows(scores: QuestionScores) -> list[dict]:
    """One row for each method, the highest score first, under the names of `COLUMNS` without the question."""
    table = []
    for i in scores.order():
        rate, values = scores.rate(i), scores.scores
        table.append(
            {
                "method": scores.methods[i],
                "score": float(values.values[i]),
                "score_low": float(values.low[i]),
                "score_high": float(values.high[i]),
                "preference": rate and rate.share,
                "preference_low": rate and rate.low,
                "preference_high": rate and rate.high,
                "wins": int(scores.wins[i].sum()),
                "ties": int(scores.ties[i].sum()),
                "losses": int(scores.wins[:, i].sum()),
                "comparisons": rate.of if rate else 0,
                "effective": rate and rate.effective,
            }
        )
    return table


def print_scores(scores: StudyScores, console: Console) -> None:
    """Prints a table for each question, the agreement and the consistency."""
    for name, question in scores.questions.items():
        table = Table(title=name, title_justify="left", show_edge=False)
        table.add_column("method", overflow="fold")
        for column in ("preferred, 95 %", "score, 95 % joint", "won", "tied", "lost"):
            table.add_column(column, justify="right", no_wrap=True)
        for row in rows(question):
            table.add_row(*map(Text, cells(row)))
        console.print(table)
        console.print("; ".join(study_remarks(question)), soft_wrap=True, highlight=False)
    console.print(f"raters: {len(scores.raters):,}, files left out: {len(scores.rejected):,}", highlight=False)


def cells(row: dict) -> list[str]:
    """Writes a row of `rows` as text: method, preferred, score, won, tied, lost."""
    preferred = "-"
    if row["comparisons"]:
        share, low, high = (100 * row[f"preference{end}"] for end in ("", "_low", "_high"))
        preferred = f"{share:.1f}% [{low:.1f}, {high:.1f}]"
    score = f"{row['score']:.2f} [{row['score_low']:.2f}, {row['score_high']:.2f}]"
    return [row["method"], preferred, score, *(f"{row[what]:,}" for what in ("wins", "ties", "losses"))]


def study_remarks(question: QuestionScores) -> list[str]:
    """Lines about agreement, consistency, and cautions for a reader of the numbers."""
    kappa = "undefined" if question.kappa is None else f"{question.kappa:.3f}"
    lines = [f"Fleiss' kappa {kappa}", f"repeats answered alike {rate_text(question.consistency)}"]
    if question.left is not None:
        lines.append(f"left picture chosen {rate_text(question.left)}")
    if question.scores.stabilised:
        lines.append(
            "wins do not lead from every method to every other, so that no finite scores exist: half a win was added "
            "each way for each pair"
        )
    return lines


def rate_text(rate: Rate | None) -> str:
    """Writes a rate in percent with its interval and the number of answers."""
    return f"{rate.share:.1%} [{rate.low:.1%}, {rate.high:.1%}] of {rate.of:,}" if rate else "not asked"


def study_csv(scores: StudyScores) -> str:
    """Writes the rows of all questions as CSV under `COLUMNS`."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for name, question in scores.questions.items():
        for row in rows(question):
            texts = {key: f"{value:.6f}" if isinstance(value, float) else value for key, value in row.items()}
            writer.writerow({"question": name, **texts})
    return file.getvalue()


def study_latex(scores: StudyScores) -> str:
    """Writes a LaTeX `tabular` with a block of rows for each question; it needs no package."""
    lines = [f"% study {scores.study.id}: {scores.study.kind}, {len(scores.raters):,} raters"]
    lines += [r"\begin{tabular}{llrr}", r"\hline", r"Question & Method & Preferred (\%) & Score \\"]
    for name, question in scores.questions.items():
        lines.append(r"\hline")
        for i, row in enumerate(rows(question)):
            preferred = "--"
            if row["comparisons"]:
                share, low, high = (100 * row[f"preference{end}"] for end in ("", "_low", "_high"))
                preferred = f"{share:.1f} [{low:.1f}, {high:.1f}]"
            score, low, high = (f"${row[f'score{end}']:.2f}$" for end in ("", "_low", "_high"))
            cells = ["" if i else _latex(name), _latex(row["method"]), preferred, f"{score} [{low}, {high}]"]
            lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}", ""])


def _latex(text: str) -> str:
    return re.sub(r"[\\~^&%$#_{}]", lambda found: _ESCAPED[found.group()], text)


_HEAD = ("method", "preferred", "score", "won", "tied", "lost")
_HOW = (
    "Score: log-odds of Bradley and Terry with mean 0, ties being an outcome of their own (Davidson 1970); a lead of 1 "
    "means odds of 2.7 : 1. A ranking counts as a comparison of every two of its pictures. The score intervals hold "
    "for all methods of a question together with 95 % confidence (errors clustered by rater, Sidak). Preferred: the "
    "share of a method's comparisons that it won, a tie counting half, with Wilson's 95 % interval at the effective "
    "number of answers (Korn and Graubard 1998), because the answers of one rater are correlated. Fleiss' kappa is "
    "over pairs of pictures and the answers first, second, no difference. Repeats measure consistency and count "
    "nowhere else."
)


def write_study_report(scores: StudyScores, folder: str | os.PathLike) -> Path:
    """Writes the four files, replacing earlier ones.

    Returns:
        The path of the page.

    Raises:
        UserError: A file cannot be written.
    """
    texts = {
        "report.json": json.dumps(study_to_dict(scores), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "report.csv": study_csv(scores),
        "report.tex": study_latex(scores),
        "report.html": report_page(scores),
    }
    write_texts(folder, texts)
    return Path(folder, "report.html")


def study_to_dict(scores: StudyScores) -> dict:
    """All scores as plain values for JSON; None where something was not asked or is undefined."""
    return {
        "study": scores.study.id,
        "kind": scores.study.kind,
        "raters": {"count": len(scores.raters), "languages": scores.languages, "consistency": scores.raters},
        "rejected": scores.rejected,
        "questions": {
            name: {
                "methods": rows(question),
                "pairs": _pairs(question),
                "tie_parameter": question.scores.tie,
                "stabilised": question.scores.stabilised,
                "fleiss_kappa": question.kappa,
                "consistency": question.consistency and asdict(question.consistency),
                "left": question.left and asdict(question.left),
            }
            for name, question in scores.questions.items()
        },
    }


def report_page(scores: StudyScores) -> str:
    """Writes the page: charts, tables and remarks for each question, then the raters."""
    study = scores.study
    header = (
        f"<header><h1>User study</h1><p>{len(scores.raters):,} raters, {study.kind}, {study.items} items and "
        f"{study.repeats} repeats each; study {escape(study.id)}</p></header><p class='note'>{_HOW}</p>"
    )
    return page("User study", header + "".join(_section(*item) for item in scores.questions.items()) + _raters(scores))


def _section(name: str, question: QuestionScores) -> str:
    table = rows(question)
    score_rows = [(row["method"], row["score"], row["score_low"], row["score_high"]) for row in table]
    rates = [
        (r["method"], *(100 * r[f"preference{e}"] for e in ("", "_low", "_high"))) for r in table if r["comparisons"]
    ]
    charts = interval_chart("Score", "log-odds, 95 % joint interval", score_rows, reference=0.0)
    charts += interval_chart("Preferred", "% of comparisons, 95 % interval", rates, reference=50.0)
    facts = "".join(f"<li>{escape(remark)}</li>" for remark in study_remarks(question))
    return (
        f"<section id='{name}'><h2>{name.capitalize()}</h2><div class='charts'>{charts}</div>"
        f"{_table(_HEAD, map(cells, table))}{_matrix(question)}<ul>{facts}</ul></section>"
    )


def _matrix(question: QuestionScores) -> str:
    order = question.order()
    head = ["preferred to", *(question.methods[j] for j in order)]
    body = [[question.methods[i], *("" if i == j else rate_text(question.rate(i, j)) for j in order)] for i in order]
    return "<h3>Row preferred to column</h3>" + _table(head, body)


def _raters(scores: StudyScores) -> str:
    shares = [[rater, "-" if share is None else f"{share:.0%}"] for rater, share in scores.raters.items()]
    languages = ", ".join(f"{language} {count:,}" for language, count in sorted(scores.languages.items()))
    left_out = "".join(f"<li>{escape(f'{path} {why}')}</li>" for path, why in scores.rejected.items())
    return (
        f"<section id='raters'><h2>Raters</h2><p class='note'>Page in: {escape(languages)}.</p>"
        f"<details><summary>Repeats answered alike, by rater</summary>{_table(('rater', 'alike'), shares)}</details>"
        f"{f'<h3>Files left out</h3><ul>{left_out}</ul>' if left_out else ''}</section>"
    )


def _pairs(question: QuestionScores) -> list[dict]:
    count = len(question.methods)
    pairs = []
    for i in range(count):
        for j in range(i + 1, count):
            rate = question.rate(i, j)
            counts = {
                "wins": int(question.wins[i, j]),
                "ties": int(question.ties[i, j]),
                "losses": int(question.wins[j, i]),
            }
            preference = rate and asdict(rate)
            pairs.append(
                {"first": question.methods[i], "second": question.methods[j], **counts, "preference": preference}
            )
    return pairs


def _table(head: Iterable[str], body: Iterable[Sequence[str]]) -> str:
    columns = "".join(f"<th scope='col'>{escape(name)}</th>" for name in head)
    lines = "".join(
        f"<tr><th scope='row'>{escape(row[0])}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in row[1:])}</tr>"
        for row in body
    )
    return f"<div class='wide'><table class='facts'><tr>{columns}</tr>{lines}</table></div>"
