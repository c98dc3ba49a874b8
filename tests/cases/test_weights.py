"""The cases of files that hold arrays: each must end in one line, soon, and in little memory."""

import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers.golden import shared
from PIL import Image

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import sha256_of
from animegan3_tf.models import array_file

PORTRAIT = Path(__file__).parents[2] / "checkpoints" / "portrait"
MEMORY = 3 << 30  # bytes of addresses; TensorFlow alone takes more, so only what does without it is held to this


@pytest.fixture
def photo(tmp_path):
    Image.fromarray(np.full((32, 32, 3), 128, np.uint8)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def flipped(path):
    """Flips the bit of the case in a weights file."""
    with h5py.File(path) as file:
        place = file["main_to_rgb/kernel"].id.get_offset()
    start = 512 if path.read_bytes()[:4] != b"\x89HDF" else 0  # offsets are counted from the end of the user block
    data = bytearray(path.read_bytes())
    data[start + place + 1] ^= 1 << 6
    path.write_bytes(data)
    return path


def one_line(status, err):
    """The line with which a command refused a file."""
    assert status == 1
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("animegan3: ")
    assert lines[0].isprintable()
    return lines[0]


@pytest.mark.slow
def test_weights_bit(call, photo, tmp_path):
    assert "damaged" in shared("cases", "weights_bit", "README").read_text()
    shutil.copytree(PORTRAIT, tmp_path / "portrait")
    shutil.copy(PORTRAIT / "generator.h5", tmp_path / "flip.h5")
    for path in (flipped(tmp_path / "portrait" / "generator.h5"), flipped(tmp_path / "flip.h5")):
        status, _, err = call("stylize", photo, "-o", tmp_path / "out.png", "--model", path)
        assert "damaged" in one_line(status, err)
        assert not (tmp_path / "out.png").exists()
        status, _, err = call("info", path)
        assert "damaged" in one_line(status, err)


def test_weights_as_older_versions_wrote_them(call, photo, tmp_path):
    """They have no seal. The list of a checkpoint tells; on its own, nothing can, which is said."""
    shutil.copytree(PORTRAIT, tmp_path / "portrait")
    old = tmp_path / "portrait" / "generator.h5"
    old.write_bytes(old.read_bytes()[512:])  # HDF5's part of the file
    lines = (old.parent / "SHA256SUMS").read_text().splitlines()
    lines = [f"{sha256_of(old)}  generator.h5" if line.endswith("generator.h5") else line for line in lines]
    (old.parent / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    alone = shutil.copy(old, tmp_path / "alone.h5")
    status, _, err = call("stylize", photo, "-o", tmp_path / "out.png", "--model", alone, "--no-face")
    assert status == 0
    assert "no checksum" in err
    status, _, err = call("stylize", photo, "-o", tmp_path / "out.png", "--model", old, "--no-face")
    assert (status, err) == (0, "")
    status, _, err = call("info", flipped(old))
    assert "SHA256SUMS" in one_line(status, err)


FILES = [
    *[
        ("h5_declared_size", name)
        for name in ("huge_declared_4TB.h5", "huge_declared_6GB.h5", "many_declared_8x1GB.h5")
    ],
    ("h5_external_storage", "device.h5"),
    *[("h5_header", name) for name in ("resize_missing.h5", "resize_odd.h5")],
    pytest.param("h5_infinite_loop", "bad_1072.h5", marks=pytest.mark.slow),
    ("h5_name_two_lines", "x.h5"),
    *[("h5_odd_dtype", f"{name}.h5") for name in ("compound", "empty_space_info", "opaque", "reference", "text")],
]


@pytest.mark.parametrize(("folder", "name"), FILES, ids=lambda part: part.removesuffix(".h5"))
def test_weights_files(call, photo, tmp_path, monkeypatch, folder, name):
    monkeypatch.setattr(array_file, "_DEADLINE", 1)
    path = shared("cases", folder, name)
    for command in (("info", path), ("export", path, "-o", tmp_path / "x")):
        status, _, err = call(*command)
        assert name in one_line(status, err)
    status, _, err = call("stylize", photo, "-o", tmp_path / "out", "--model", path)
    assert name in one_line(status, err)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is kept on Linux alone")
@pytest.mark.parametrize("name", ["huge_declared_4TB.h5", "huge_declared_6GB.h5", "many_declared_8x1GB.h5"])
def test_declared_sizes_take_no_memory(name):
    path = shared("cases", "h5_declared_size", name)
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))\n"
        "from animegan3_tf.cli import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code, "info", str(path)], capture_output=True, text=True)
    assert "declares" in one_line(done.returncode, done.stderr)


NPZ = ("z_comp", "z_empty_member", "z_enc2", "z_huge_shape", "z_npy", "z_zero", "zm017")
NPY = ("binbytes8.npy", "encode_zip.npy", "head_minus.npy", "head_paren.npy", "selflist.npy", "v_huge.h5")


@pytest.mark.parametrize("name", NPZ)
def test_npz_readers(call, photo, tmp_path, name):
    path = shared("cases", "npz_npy_readers", f"{name}.npz")
    (tmp_path / "photos").mkdir()
    shutil.copy(photo, tmp_path / "photos")
    same = tmp_path / "photos"
    features = ("--features", f"resnet18:{shared('weights', 'resnet18_anime.npz')}")
    for option in (("--features", f"resnet18:{path}"), (*features, "--distance", f"lpips:{path}")):
        status, _, err = call(
            *("evaluate", "--generated", same, "--photos", same, "--anime", same, "--out", tmp_path / "out", *option)
        )
        assert path.name in one_line(status, err)


@pytest.mark.parametrize("name", NPY)
def test_npy_readers(name):
    path = shared("cases", "npz_npy_readers", name)
    from animegan3_tf.models.perceptual import read_perceptual  # as `train --perceptual` does before anything else

    with pytest.raises(UserError, match=path.name) as error:
        read_perceptual(f"vgg19:{path}")
    assert str(error.value).isprintable()
