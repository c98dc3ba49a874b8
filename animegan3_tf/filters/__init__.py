"""Edge-keeping smoothers: the region and revision targets, the guided filter and the edge-smoothed anime.

Filters for the graph are TensorFlow ops. Offline filters use NumPy, scikit-image or OpenCV and lie in modules that do
not import TensorFlow. Names load on first use, so that a worker process that needs only `superpixels` starts in a
fraction of a second.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import lazy_loader as lazy

if TYPE_CHECKING:
    from animegan3_tf.filters.edges import add_salt as add_salt
    from animegan3_tf.filters.edges import smooth_edges as smooth_edges
    from animegan3_tf.filters.guided import guided_filter as guided_filter
    from animegan3_tf.filters.l0 import l0_smooth as l0_smooth
    from animegan3_tf.filters.l0_offline import l0_smooth_offline as l0_smooth_offline
    from animegan3_tf.filters.nl_means import nl_means as nl_means
    from animegan3_tf.filters.nl_means_offline import nl_means_offline as nl_means_offline
    from animegan3_tf.filters.superpixels import superpixels as superpixels

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "edges": ["add_salt", "smooth_edges"],
        "guided": ["guided_filter"],
        "l0": ["l0_smooth"],
        "l0_offline": ["l0_smooth_offline"],
        "nl_means": ["nl_means"],
        "nl_means_offline": ["nl_means_offline"],
        "superpixels": ["superpixels"],
    },
)


class _Filters(ModuleType):
    """Keeps `filters.superpixels` the function: importing the module of that name would put the module in its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and name in __all__:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Filters
