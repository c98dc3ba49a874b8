import subprocess
import sys
from pathlib import Path

import pytest

from animegan3_tf import filters

REPOSITORY = Path(__file__).resolve().parents[2]


def run(code):
    """Runs code in a fresh interpreter, where nothing is loaded yet."""
    return subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "names",
    [[], ["superpixels"], ["smooth_edges", "add_salt"], ["l0_smooth_offline"], ["nl_means_offline"]],
    ids=lambda names: "-".join(names) or "package",
)
def test_offline_filters_load_without_tensorflow(names):
    uses = "".join(f"assert callable(filters.{name}); " for name in names)
    done = run(f"import sys; from animegan3_tf import filters; {uses}assert 'tensorflow' not in sys.modules")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "from animegan3_tf.filters.felzenszwalb import superpixels as direct; from animegan3_tf import filters",
        "from animegan3_tf import filters; filters.superpixels; "
        "from animegan3_tf.filters.felzenszwalb import superpixels as direct",
    ],
    ids=["module-first", "package-first"],
)
def test_a_module_never_hides_the_function_of_its_name(code):
    # Process pools pickle a function by its module's name, which imports that module.
    done = run(f"{code}; import pickle; assert pickle.loads(pickle.dumps(filters.superpixels)) is direct")
    assert done.returncode == 0, done.stderr


def test_every_export_is_a_function():
    assert sorted(filters.__all__) == [
        "add_salt",
        "guided_filter",
        "l0_smooth",
        "l0_smooth_offline",
        "nl_means",
        "nl_means_offline",
        "smooth_edges",
        "superpixels",
    ]
    assert all(callable(getattr(filters, name)) for name in filters.__all__)
