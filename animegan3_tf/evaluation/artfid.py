"""ArtFID: content and style in one number."""

from __future__ import annotations


def artfid(content_distance: float, style_distance: float) -> float:
    """Computes (1 + content distance) (1 + style distance), Wright & Ommer (2022), eq. 3.

    The paper measures FID in an InceptionV3 fine-tuned on paintings. With other networks the form is the same and the
    scale is not.

    Args:
        content_distance: LPIPS between photos and images, 0 or more.
        style_distance: FID between images and style images, 0 or more.

    Returns:
        1 or more; lower is better.
    """
    return (1.0 + content_distance) * (1.0 + style_distance)
