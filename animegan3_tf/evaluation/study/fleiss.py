"""Agreement of many raters beyond chance."""

from __future__ import annotations

import numpy as np


def fleiss_kappa(counts):
    """Fleiss' kappa (Fleiss 1971, eqs. 1-7), for subjects with different numbers of raters too.

    counts: [subjects, categories], how many raters put the subject into the category. Subjects with fewer than two
    raters are left out, since nobody can agree or disagree there. With unequal numbers each pair of raters counts
    alike: the observed agreement is the share of all pairs within a subject that agree. Equal numbers give Fleiss' own
    value.
    Returns 1 for full agreement, 0 for what chance would give; None without two raters of one subject, or where all
    answers fall in one category, when chance alone would agree fully.
    """
    counts = np.asarray(counts, float)
    raters = counts.sum(1)
    counts, raters = counts[raters >= 2], raters[raters >= 2]
    if not len(counts):
        return None
    observed = (counts * (counts - 1)).sum() / (raters * (raters - 1)).sum()
    chance = ((counts.sum(0) / counts.sum()) ** 2).sum()
    return None if chance > 1 - 1e-12 else float((observed - chance) / (1 - chance))
