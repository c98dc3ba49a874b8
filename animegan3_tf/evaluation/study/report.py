"""Writes the report of a study into a folder: report.html, report.json, report.csv and report.tex."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

from animegan3_tf.evaluation.study.score import QuestionScores, StudyScores
from animegan3_tf.evaluation.study.tables import cells, csv_text, latex_text, rate_text, remarks, rows
from animegan3_tf.pages.frame import page
from animegan3_tf.pages.interval_chart import interval_chart
from animegan3_tf.report_files import write_texts

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


def write_report(scores: StudyScores, folder: str | os.PathLike) -> Path:
    """Writes the four files, replacing earlier ones.

    Returns:
        The path of the page.

    Raises:
        UserError: A file cannot be written.
    """
    texts = {
        "report.json": json.dumps(to_dict(scores), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "report.csv": csv_text(scores),
        "report.tex": latex_text(scores),
        "report.html": report_page(scores),
    }
    write_texts(folder, texts)
    return Path(folder, "report.html")


def to_dict(scores: StudyScores) -> dict:
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
    facts = "".join(f"<li>{escape(remark)}</li>" for remark in remarks(question))
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
