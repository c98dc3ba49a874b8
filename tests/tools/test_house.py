import re
from pathlib import Path
from statistics import median

import house

ROOT = Path(__file__).parents[2]

MODULES = {
    "errors.py": "class UserError(ValueError):\n    pass\n",
    "losses/color.py": '''"""Colours."""

# why
import numpy as np


def yuv(image: np.ndarray) -> np.ndarray:
    """Of an image.

    Args: none.
    """
    return (
        image
    )  # a bracket


def mean(image):
    return image
''',
    "training/run.py": "from animegan3_tf.commands import train\nfrom animegan3_tf.losses import color\nclass Run:\n"
    "    def go(self, *steps: int) -> None:\n        from animegan3_tf import cli\n    def stop(self):\n        ...\n"
    "    def _own(self):\n        ...\n",
    "evaluation/run.py": "class Run:\n    pass\ndef _mean(x):\n    return x\n",
}


def test_what_is_counted(tmp_path, capsys):
    for name, text in MODULES.items():
        path = tmp_path / "animegan3_tf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text)
    found = house.count(tmp_path)
    assert found.lines["animegan3_tf.losses.color"] == 18
    assert len(found.lines) == 4  # without __init__
    assert found.code == 2 + 7 + 9 + 4  # a module each; of color.py 1 line of imports, 4 of yuv, 2 of mean
    assert found.twins == {"Run": ["animegan3_tf.evaluation.run", "animegan3_tf.training.run"]}
    assert found.unhinted == ["animegan3_tf.losses.color.mean", "animegan3_tf.training.run.Run.stop"]
    assert sorted(found.climbing) == [
        "animegan3_tf.training.run imports animegan3_tf.cli",
        "animegan3_tf.training.run imports animegan3_tf.commands",
    ]
    assert house.main(["--root", str(tmp_path)]) == 0
    assert "modules (without __init__)         4\n" in capsys.readouterr().out


def test_the_house_is_in_order():
    """No import of a room further up, no public name in two modules, every public function hinted."""
    found = house.count(ROOT)
    assert (found.climbing, found.twins, found.unhinted) == ([], {}, [])
    assert len(found.lines) <= 144  # 130 of what there was before strangers' files and the networks of FID and LPIPS
    assert median(found.lines.values()) >= 100


def test_the_page_on_architecture_lists_the_same_rooms():
    rows = re.findall(r"^\| (.+?) \|", (ROOT / "docs" / "architecture.md").read_text(), flags=re.MULTILINE)
    assert rows[1:] == [room for room, _ in house.ROOMS]  # but for the head
