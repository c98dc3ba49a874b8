import numpy as np
import pytest
from helpers.golden import golden


@pytest.fixture(scope="session")
def reference():
    """Upstream's filters: four 128x128 photos and what became of them."""
    with np.load(golden("v3", "filters.npz")) as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def noise():
    """Blotchy noise as three uint8 pictures [3, 29, 38, 3]: odd and even sides, dark to bright."""
    import cv2

    rng = np.random.default_rng(7)
    pictures = rng.integers(0, 256, (3, 29, 38, 3), dtype=np.uint8)
    return np.stack([cv2.blur(picture, (5, 5)) for picture in pictures])
