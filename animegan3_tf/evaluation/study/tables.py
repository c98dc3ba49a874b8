"""The scores of a study as tables: on the terminal, as CSV and as LaTeX."""

from __future__ import annotations

import csv
import io
import re

from rich.console import Console
from rich.table import Table
from rich.text import Text

from animegan3_tf.evaluation.study.rate import Rate
from animegan3_tf.evaluation.study.score import QuestionScores, StudyScores

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
        console.print("; ".join(remarks(question)), soft_wrap=True, highlight=False)
    console.print(f"raters: {len(scores.raters):,}, files left out: {len(scores.rejected):,}", highlight=False)


def cells(row: dict) -> list[str]:
    """Writes a row of `rows` as text: method, preferred, score, won, tied, lost."""
    preferred = "-"
    if row["comparisons"]:
        share, low, high = (100 * row[f"preference{end}"] for end in ("", "_low", "_high"))
        preferred = f"{share:.1f}% [{low:.1f}, {high:.1f}]"
    score = f"{row['score']:.2f} [{row['score_low']:.2f}, {row['score_high']:.2f}]"
    return [row["method"], preferred, score, *(f"{row[what]:,}" for what in ("wins", "ties", "losses"))]


def remarks(question: QuestionScores) -> list[str]:
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


def csv_text(scores: StudyScores) -> str:
    """Writes the rows of all questions as CSV under `COLUMNS`."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for name, question in scores.questions.items():
        for row in rows(question):
            texts = {key: f"{value:.6f}" if isinstance(value, float) else value for key, value in row.items()}
            writer.writerow({"question": name, **texts})
    return file.getvalue()


def latex_text(scores: StudyScores) -> str:
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
