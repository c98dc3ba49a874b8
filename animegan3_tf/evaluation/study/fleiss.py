"""The agreement of many raters beyond chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def fleiss_kappa(counts: Sequence[Sequence[int]] | np.ndarray) -> float | None:
    """Computes Fleiss' kappa (Fleiss 1971, eqs. 1-7), also for subjects with different numbers of raters.

    With unequal numbers, the observed agreement is the share of pairs of raters of one subject that agree, all pairs
    with the same weight. Equal numbers give Fleiss' own value.

    Args:
        counts: [subjects, categories]: how many raters put the subject into the category. Subjects with fewer than two
            raters are left out, since nobody can agree or disagree there.

    Returns:
        1 for full agreement, 0 for the agreement of chance. None where no subject has two raters, or where all answers
        fall into one category, for chance would agree fully too.
    """
    table = np.asarray(counts, float)
    raters = table.sum(1)
    table, raters = table[raters >= 2], raters[raters >= 2]
    if not len(table):
        return None
    observed = (table * (table - 1)).sum() / (raters * (raters - 1)).sum()
    chance = ((table.sum(0) / table.sum()) ** 2).sum()
    return None if chance > 1 - 1e-12 else float((observed - chance) / (1 - chance))
