"""What `prepare` and `inspect` make of every kind of file that a folder of pictures may hold."""

import errno
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from helpers.prepared_folders import digests, picture
from helpers.tiny_training import TINY_TOML
from PIL import Image

from animegan3_tf.common.images import write_image

ROOT = Path(__file__).parents[1]
ANIMATED = ["animated.webp", "animation.png"]  # the second is a GIF by another name
GOOD = {"fine.png", "cmyk.jpg", "sixteen_bits.png", "palette.png", *ANIMATED, "truly_a_png.jpg", "caf\udce9.png"}
BAD = {
    "truncated.jpg": "is truncated",
    "empty.png": "is empty (0 bytes)",
    "no_pixels.png": "no_pixels.png",
    "huge.png": "is 20,000x20,000 (400 MP), over the limit of 100 MP; raise it with --max-pixels",
    "text.png": "is not a whole JPEG",
    "loop.png": "(Too many levels of symbolic links)",
    "nowhere.png": "nowhere.png",
    "pipe.png": "is not a regular file",
}


def header_only(path, width, height):
    """A PNG that claims a size, and holds no pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))


def write_all(folder):
    write_image(folder / "fine.png", picture(1))
    image = Image.fromarray(picture(2))
    image.convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(picture(3)[..., 0].astype(np.uint16) * 257).save(folder / "sixteen_bits.png")
    image.quantize(16).save(folder / "palette.png")
    image.save(folder / "animated.webp", save_all=True, append_images=[Image.fromarray(picture(4))])
    image.save(folder / "truly_a_png.jpg", format="PNG")
    with open(os.path.join(os.fsencode(folder), b"caf\xe9.png"), "wb") as file:
        image.save(file, format="PNG")
    image.save(folder / "truncated.jpg")
    (folder / "truncated.jpg").write_bytes((folder / "truncated.jpg").read_bytes()[:-300])
    (folder / "empty.png").touch()
    header_only(folder / "no_pixels.png", 0, 0)
    header_only(folder / "huge.png", 20_000, 20_000)
    (folder / "text.png").write_text("no picture")
    image.save(folder / "animation.png", format="GIF", save_all=True, append_images=[Image.fromarray(picture(5))])
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "nowhere.png").symlink_to("gone.png")
    (folder / "around").symlink_to(folder, target_is_directory=True)
    os.mkfifo(folder / "pipe.png")


@pytest.fixture
def data(tmp_path):
    write_image(tmp_path / "data" / "tiny" / "style" / "a.png", picture(9))
    (tmp_path / "data" / "photo").mkdir()
    (tmp_path / "tiny.toml").write_text(TINY_TOML)
    return tmp_path / "data"


def originals(folder):
    """Contents, kinds and times of everything in it."""
    found = digests(folder)
    for path in folder.iterdir():
        state = path.lstat()
        found[path.name] = found.get(path.name), stat.S_IFMT(state.st_mode), state.st_size, state.st_mtime_ns
    return found


def check_rejections(lines):
    assert len(lines) == len(BAD)
    for name, words in BAD.items():
        (line,) = (line for line in lines if f"/{name}'" in line)
        assert words in line


def test_prepare_says_a_line_for_each_bad_file_and_makes_the_rest(call, data):
    photos = data / "photo"
    write_all(photos)
    before = originals(photos)
    arguments = ["prepare", "--style", data.parent / "tiny.toml", "--data", data, "--jobs", "1"]
    for written in (2 * len(GOOD) + 1, 0):  # and a second run has nothing to make, and says the same
        status, out, errors = call(*arguments)
        assert status == 1
        check_rejections(errors.splitlines())
        assert out.splitlines()[-1].startswith(f"{written} targets written")
        assert originals(photos) == before
        for kind in ("superpixel", "l0"):
            made = {path.name for path in (data / f"photo_{kind}").iterdir()}
            assert made == {f"{name.rpartition('.')[0]}.png" for name in GOOD}
        assert set(json.loads((data / "rejected.json").read_text())["photo_l0"]) == set(BAD)


def test_inspect_tells_of_each_bad_file_and_writes_only_its_report(call, data, monkeypatch):
    photos = data / "photo"
    write_all(photos)
    before = originals(photos)
    monkeypatch.chdir(data.parent)
    status, out, errors = call("inspect", data, "--style", "tiny.toml", "--json", "out.json")
    assert (status, errors) == (0, "")
    found = json.loads(Path("out.json").read_text())["photos"]
    check_rejections(list(found["rejected"].values()))
    assert (found["readable"], found["animated"]) == (len(GOOD), ANIMATED)
    assert "photos: 8 of 16 cannot be read" in out
    assert Path("inspect.html").read_text(encoding="utf-8").count("cannot be read") >= 1
    assert originals(photos) == before
    assert {path.name for path in data.iterdir()} == {"photo", "tiny"}


@pytest.mark.parametrize("command", ["prepare", "inspect"])
def test_folders_that_cannot_be_used_are_one_line(call, data, command):
    where = ["--data", data] if command == "prepare" else [data]
    status, _, errors = call(command, *where, "--style", data.parent / "tiny.toml")
    assert status == 1
    (line,) = errors.splitlines()
    assert "photo' holds no pictures" in line


# Runs a command where it succeeds, which loads all it needs, then as a user who may write nothing: root may anywhere.
AS_NOBODY = """
import os, sys
from animegan3_tf.cli import main
allowed, refused, *command = sys.argv[1:]
for folder in (allowed, refused):
    os.chdir(folder)
    sys.argv = ["animegan3", *command]
    try:
        main()
    except SystemExit as ended:
        status = ended.code
    if folder == allowed and os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
sys.exit(status)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["prepare", "--data", "data", "--jobs", "1"], "manifest.json' cannot be written (Permission denied)"),
        (["inspect", "data", "--page", "data/page.html"], "page.html' cannot be written (Permission denied)"),
    ],
)
def test_where_nothing_may_be_written_it_is_one_line(data, command, words):
    write_image(data / "photo" / "a.png", picture(1))
    with tempfile.TemporaryDirectory() as folder:  # pytest's own may not be entered by others
        folder = Path(folder)
        folder.chmod(0o755)
        refused = folder / "refused"
        shutil.copytree(data.parent, refused)
        for path in [refused, *refused.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        before = digests(refused)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, data.parent, refused, *command, "--style", "tiny.toml"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        for path in [refused, *refused.rglob("*")]:
            path.chmod(0o755)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert words in done.stderr
        assert digests(refused) == before


@pytest.mark.slow
def test_when_nothing_more_fits_it_is_one_line_and_a_rerun_finishes(data):
    """Writing past a limit fails half-way through a file, as on a full disk."""
    for i in range(4):
        write_image(data / "photo" / f"{i}.png", picture(i))
    write_image(data / "photo" / "large.png", np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8))
    before = originals(data / "photo")
    command = [sys.executable, "-m", "animegan3_tf", "prepare", "--style", str(data.parent / "tiny.toml")]
    command += ["--data", str(data), "--jobs", "2", "--set", "data.max_scale=16"]
    settings = {"cwd": ROOT, "env": {**os.environ, "PYTHONPATH": str(ROOT)}, "capture_output": True, "text": True}
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (80_000, 80_000))\n"
    limited += "from animegan3_tf.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", limited, *command[3:]], **settings)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert f"cannot be written ({os.strerror(errno.EFBIG)}); check the folder and free space" in done.stderr
    assert not list(data.rglob(".*.tmp"))
    assert originals(data / "photo") == before
    done = subprocess.run(command, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((data / "photo_l0").iterdir())) == 5
