"""Edge-keeping smoothers: the region and revision targets, the guided filter and the blurred-edge anime.

What runs in the graph is a TensorFlow op; what runs offline is NumPy, scikit-image or OpenCV and lives in modules that
do not import TensorFlow. Names load on first use, so that a process-pool worker which only wants `superpixels` starts
in a fraction of a second.
"""

import sys
from types import ModuleType

import lazy_loader as lazy

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

    def __setattr__(self, name, value):
        if isinstance(value, ModuleType) and name in __all__:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Filters
