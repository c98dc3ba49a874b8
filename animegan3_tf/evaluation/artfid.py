"""Content and style in one number."""

from __future__ import annotations


def artfid(content_distance: float, style_distance: float) -> float:
    """(1 + LPIPS to the content) (1 + FID to the style), Wright & Ommer (2022), eq. 3; lower is better, 1 the least.

    Theirs measures FID in an InceptionV3 fine-tuned on paintings; with other networks the form is the same and the
    scale is not.
    """
    return (1.0 + content_distance) * (1.0 + style_distance)
