"""What setup.cfg cannot say: every folder of checkpoints/ goes into the wheel. The rest stands in setup.cfg."""

from pathlib import Path

from setuptools import setup

setup(
    data_files=[
        (f"share/animegan3_tf/{weights.parent.as_posix()}", sorted(map(str, weights.parent.iterdir())))
        for weights in sorted(Path("checkpoints").glob("*/generator.h5"))
    ]
)
