"""Writes results as a LaTeX table."""

from __future__ import annotations

from animegan3_tf.evaluation.evaluate import Evaluation

_SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {"\\": r"\textbackslash{}", "~": r"\~{}", "^": r"\^{}"}
_ARROWS = {"lower": r"$\downarrow$", "higher": r"$\uparrow$", "": ""}


def latex_table(evaluation: Evaluation) -> str:
    """Writes a `tabular` of metric, value, 95 % interval and sample count, with the feature network as a comment."""
    rows = []
    for result in evaluation.results:
        value = "--" if result.value is None else number(result.value)
        interval = "--" if result.interval is None else "[{}, {}]".format(*map(number, result.interval))
        name = f"{latex_text(result.name)} {_ARROWS[result.better]}".strip()
        rows.append(f"{name} & {value} & {interval} & {latex_text(result.count)} \\\\")
    network = evaluation.measures.features
    features = network.to_dict() if network else {}
    return "\n".join(
        [
            "% features: " + ", ".join(f"{key} {value}" for key, value in features.items()),
            r"\begin{tabular}{lrrl}",
            r"metric & value & 95\,\% interval & pictures \\ \hline",
            *rows,
            r"\end{tabular}",
            "",
        ]
    )


def number(value: float) -> str:
    """Writes a value with four significant digits, never with an exponent."""
    text = f"{value:.4g}"
    return f"{value:.6f}" if "e-" in text else f"{value:.0f}" if "e+" in text else text


def latex_text(text: str) -> str:
    """Escapes LaTeX's special characters."""
    return "".join(_SPECIAL.get(c, c) for c in text)
