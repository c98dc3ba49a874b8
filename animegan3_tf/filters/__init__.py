"""Edge-keeping smoothers: the region and revision targets, the guided filter and the edge-smoothed anime.

Filters for the graph are TensorFlow ops. Offline filters use NumPy, scikit-image or OpenCV and lie in modules that do
not import TensorFlow. Names load on first use, so that a worker process that needs only `superpixels` starts in a
fraction of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader as lazy

if TYPE_CHECKING:
    from animegan3_tf.filters.felzenszwalb import superpixels as superpixels
    from animegan3_tf.filters.guided import guided_filter as guided_filter
    from animegan3_tf.filters.l0 import l0_smooth as l0_smooth
    from animegan3_tf.filters.l0_offline import l0_smooth_offline as l0_smooth_offline
    from animegan3_tf.filters.non_local_means import nl_means as nl_means
    from animegan3_tf.filters.opencv import add_salt as add_salt
    from animegan3_tf.filters.opencv import nl_means_offline as nl_means_offline
    from animegan3_tf.filters.opencv import smooth_edges as smooth_edges

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "felzenszwalb": ["superpixels"],
        "guided": ["guided_filter"],
        "l0": ["l0_smooth"],
        "l0_offline": ["l0_smooth_offline"],
        "non_local_means": ["nl_means"],
        "opencv": ["add_salt", "nl_means_offline", "smooth_edges"],
    },
)
