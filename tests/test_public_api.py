"""The names that the package offers, and the ones that README showed before."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data

import animegan3_tf
from animegan3_tf.common.images import read_image, write_image

ROOT = Path(__file__).resolve().parents[1]
PUBLIC = ("LADE", "build_generator", "evaluate", "open_model", "stylize", "train")


def test_the_package_loads_no_tensorflow_and_lists_its_names():
    code = (
        "import sys, animegan3_tf\n"
        f"assert set({PUBLIC}) <= set(dir(animegan3_tf))\n"
        "assert not {'tensorflow', 'keras', 'cv2'} & set(sys.modules)\n"
        "import animegan3_tf.models.model, animegan3_tf.networks\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_name_is_what_its_room_has(name):
    found = getattr(animegan3_tf, name)
    assert found.__name__ == name
    assert found.__module__.startswith("animegan3_tf.")
    for page in ("api.md", "library.md"):
        assert f"animegan3_tf.{name}" in (ROOT / "docs" / page).read_text(), page


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        animegan3_tf.no_such_name  # noqa: B018
    with pytest.raises(ImportError, match="no_such_name"):
        from animegan3_tf.networks import no_such_name  # noqa: F401


def test_imports_that_were_public_before_still_work():
    from animegan3_tf import filters, losses
    from animegan3_tf.layers import LADE
    from animegan3_tf.models import perceptual, weights
    from animegan3_tf.networks import build_generator, load_generator, load_perceptual, save_generator

    assert (load_generator, save_generator) == (weights.load_generator, weights.save_generator)
    assert load_perceptual is perceptual.load_perceptual
    assert (LADE, build_generator) == (animegan3_tf.LADE, animegan3_tf.build_generator)
    assert callable(filters.l0_smooth)
    assert callable(losses.gram_matrix)


def test_a_photo_is_stylised_and_a_model_opened_as_the_page_shows(tmp_path):
    write_image(tmp_path / "photos" / "a.png", skimage.data.astronaut()[:64, 96:176])
    report = animegan3_tf.stylize(tmp_path / "photos", tmp_path / "anime", faces=False)
    assert (report.written, report.failures) == (1, ())
    model = animegan3_tf.open_model("portrait")
    assert (model.kind, model.architecture.title, model.parameters) == ("weights", "AnimeGANv3", 1_027_520)
    photo = read_image(tmp_path / "photos" / "a.png").rgb[None].astype(np.float32) / 127.5 - 1
    anime = np.rint((model.forward(photo)[0] + 1) * 127.5).clip(0, 255)
    np.testing.assert_allclose(read_image(tmp_path / "anime" / "a.png").rgb, anime, atol=1)


def test_the_pages_examples_are_python():
    for block in re.findall(r"```python\n(.+?)```", (ROOT / "docs" / "library.md").read_text(), flags=re.DOTALL):
        compile(block, "library.md", "exec")
