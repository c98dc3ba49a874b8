import errno
import os
import re
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from animegan3_tf.common import images
from animegan3_tf.common.console import tell_part
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import find_images, read_image, write_image
from animegan3_tf.data.results import RECORD, match_results, read_record
from animegan3_tf.stylizer import files
from animegan3_tf.stylizer.files import stylize_files, try_destination
from animegan3_tf.stylizer.model import Stylizer


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def invert(rgb):
    """Stands for a model: its results differ from their photos, and are known."""
    return 255 - rgb


def photo(path, seed=0, size=(16, 16)):
    rgb = noise(*size, seed=seed)
    write_image(path, rgb)
    return rgb


def tree(folder):
    """The files below a folder, but for records of what was drawn from which photo."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
    return sorted(str(path.relative_to(folder)) for path in files)


def refusal(*arguments, **options):
    with pytest.raises(UserError) as caught:
        stylize_files(*arguments, invert, **options)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_one_file_into_a_file_and_into_a_folder(tmp_path):
    rgb = photo(tmp_path / "a.png")
    assert stylize_files([tmp_path / "a.png"], tmp_path / "new" / "b.webp", invert).written == 1
    assert stylize_files([tmp_path / "a.png"], tmp_path / "out", invert).written == 1
    assert stylize_files([tmp_path / "a.png"], tmp_path / "out", invert, suffix="TIFF").written == 1
    assert tree(tmp_path) == ["a.png", "new/b.webp", "out/a.png", "out/a.tiff"]
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "a.png").rgb, 255 - rgb)


def test_default_formats(tmp_path):
    for name in ("a.jpg", "B.JPEG", "c.png", "d.webp", "e.bmp", "f.tif"):
        photo(tmp_path / "in" / name)
    os.rename(tmp_path / "in" / "c.png", tmp_path / "in" / "C.x.PNG")
    assert stylize_files([tmp_path / "in"], tmp_path / "out", invert).written == 6
    assert tree(tmp_path / "out") == ["B.JPEG", "C.x.PNG", "a.jpg", "d.webp", "e.png", "f.png"]


def test_results_of_less_usual_formats(tmp_path):
    (tmp_path / "in").mkdir()
    for name, kind in (("a.jfif", "JPEG"), ("b.jpe", "JPEG"), ("c.mpo", "MPO"), ("d.gif", "GIF")):
        Image.new("RGB", (16, 16)).save(tmp_path / "in" / name, kind)
    assert stylize_files([tmp_path / "in"], tmp_path / "out", invert).written == 4
    assert tree(tmp_path / "out") == ["a.jpg", "b.jpg", "c.jpg", "d.png"]


@pytest.mark.parametrize("suffix", [".gif", ".avif", ".jfif", ".heic", ".jp2", ".PDF"])
def test_an_output_that_cannot_be_written_makes_no_folder(tmp_path, suffix):
    photo(tmp_path / "a.png")
    message = refusal([tmp_path / "a.png"], tmp_path / f"a{suffix}")
    assert message.startswith(f"format '{suffix.lower()}' cannot be written; use one of .jpg,")
    assert tree(tmp_path) == ["a.png"]
    assert stylize_files([tmp_path / "a.png"], tmp_path / "out.v2", invert).written == 1  # a folder all the same


def test_folder_tree_is_kept(tmp_path):
    names = ["a.png", "sub/a.png", "sub/deep/b.png"]
    photos = {name: photo(tmp_path / "in" / name, seed) for seed, name in enumerate(names)}
    photo(tmp_path / "in" / ".trash" / "c.png")
    (tmp_path / "in" / "notes.txt").touch()
    report = stylize_files([tmp_path / "in"], tmp_path / "out", invert)
    assert (report.written, report.failures) == (3, ())
    assert tree(tmp_path / "out") == names
    for name, rgb in photos.items():
        np.testing.assert_array_equal(read_image(tmp_path / "out" / name).rgb, 255 - rgb)


def test_several_folders_keep_their_names(tmp_path):
    photo(tmp_path / "x" / "a.png")
    photo(tmp_path / "y" / "sub" / "a.png")
    photo(tmp_path / "b.png")
    stylize_files([tmp_path / "x", tmp_path / "y", tmp_path / "b.png"], tmp_path / "out", invert)
    assert tree(tmp_path / "out") == ["b.png", "x/a.png", "y/sub/a.png"]


def test_equal_names_are_told_apart(tmp_path):
    first, second = photo(tmp_path / "x" / "a.png", 1), photo(tmp_path / "y" / "a.png", 2)
    third = photo(tmp_path / "a.bmp", 3)
    inputs = [tmp_path / "x" / "a.png", tmp_path / "y" / "a.png", tmp_path / "a.bmp", tmp_path / "y" / ".." / "a.bmp"]
    assert stylize_files(inputs, tmp_path / "out", invert).written == 3  # the last is the third once more
    for name, rgb in (("a.png", first), ("a-2.png", second), ("a.bmp.png", third)):
        np.testing.assert_array_equal(read_image(tmp_path / "out" / name).rgb, 255 - rgb)
    assert len(tree(tmp_path / "out")) == 3


def test_a_record_says_what_was_drawn_from_which_photo(tmp_path):
    for name in ("1.bmp", "1.png", "2.jpg", "2.tif", "x/2.jpg"):
        photo(tmp_path / "in" / name, len(name))
    for _ in range(2):  # a second run finds the first one's record
        assert stylize_files([tmp_path / "in"], tmp_path / "out", invert).written == 5
    results, photos = find_images(tmp_path / "out"), find_images(tmp_path / "in")
    found = match_results(results, tmp_path / "out", photos, tmp_path / "in")
    names = {image.relative_to(tmp_path / "out"): photo.relative_to(tmp_path / "in") for image, photo in found.items()}
    assert {image.as_posix(): photo.as_posix() for image, photo in names.items()} == {
        "1.bmp.png": "1.bmp",
        "1.png": "1.png",
        "2.jpg": "2.jpg",
        "2.png": "2.tif",
        "x/2.jpg": "x/2.jpg",
    }
    assert len((tmp_path / "out" / RECORD).read_text().splitlines()) == 5


def test_no_record_is_written_where_nothing_is_left_to_match(tmp_path):
    photo(tmp_path / "in" / "a.png")
    stylize_files([tmp_path / "in" / "a.png"], tmp_path / "b.png", invert)
    stylize_files([tmp_path / "in"], tmp_path / "in", invert, overwrite=True)
    assert not list(tmp_path.rglob(RECORD))
    stylize_files([tmp_path / "in"], tmp_path / "out", invert, record=False)
    assert not list(tmp_path.rglob(RECORD))


def test_results_of_several_folders_are_matched_to_the_photos_of_one(tmp_path):
    for name in ("x/a.png", "y/a.png"):
        photo(tmp_path / name, len(name) + ord(name[0]))
    stylize_files([tmp_path / "x", tmp_path / "y"], tmp_path / "out", invert)
    assert read_record(tmp_path / "out")[1]["x/a.png"]["photo"] == "x/a.png"
    found = match_results(find_images(tmp_path / "out"), tmp_path / "out", find_images(tmp_path / "x"), tmp_path / "x")
    assert found == {tmp_path / "out" / "x" / "a.png": tmp_path / "x" / "a.png"}


def test_alpha_is_put_back(tmp_path):
    pixels = np.maximum(noise(20, 24, 4), 16)  # what shows less is filled: test_hidden_colors.py
    write_image(tmp_path / "a.png", pixels[..., :3], pixels[..., 3])
    stylize_files([tmp_path / "a.png"], tmp_path / "out", invert)
    result = read_image(tmp_path / "out" / "a.png")
    np.testing.assert_array_equal(result.rgb, 255 - pixels[..., :3])
    np.testing.assert_array_equal(result.alpha, pixels[..., 3])


def test_failures_are_listed_and_the_rest_is_written(tmp_path):
    good = [tmp_path / "in" / f"{letter}.png" for letter in "bdfhj"]
    for path in good:
        photo(path)
    text, small = tmp_path / "in" / "a.jpg", tmp_path / "in" / "c.png"
    text.write_text("no picture")
    photo(small, size=(8, 100))
    missing = tmp_path / "gone.png"
    seen = []
    report = stylize_files(
        [tmp_path / "in", missing],
        tmp_path / "out",
        Stylizer(lambda batch: -batch),
        on_progress=lambda *progress: seen.append(progress),
    )
    assert report.written == 5
    assert [path for path, _ in report.failures] == [text, small, missing]
    assert report.failures[0][1].startswith(f"'{text}' is not a whole")
    assert report.failures[1][1] == f"'{small}': 100x8 pixels are too few to stylise; give at least 16x16"
    assert "does not exist" in report.failures[2][1]
    assert tree(tmp_path / "out") == [f"in/{path.name}" for path in good]
    assert [(done, total) for done, total, _, _ in seen] == [(number, 8) for number in range(1, 9)]
    assert [path for _, _, path, _ in seen] == [*sorted([*good, text, small]), missing]
    assert [(path, error) for _, _, path, error in seen if error] == list(report.failures)


def test_a_result_that_cannot_be_written_is_a_failure(tmp_path):
    photo(tmp_path / "in" / "a.png")
    photo(tmp_path / "in" / "b.png")
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    report = stylize_files([tmp_path / "in"], tmp_path / "out", invert)
    assert report.written == 1
    assert "cannot be written" in report.failures[0][1]


def test_pixel_limit_is_passed_on(tmp_path):
    photo(tmp_path / "a.png", size=(20, 20))
    report = stylize_files([tmp_path / "a.png"], tmp_path / "out", invert, max_pixels=399)
    assert "over the limit" in report.failures[0][1]


def test_errors_of_the_program_are_not_taken_for_bad_photos(tmp_path):
    def broken(rgb):
        raise ZeroDivisionError

    photo(tmp_path / "a.png")
    with pytest.raises(ZeroDivisionError):
        stylize_files([tmp_path / "a.png"], tmp_path / "out", broken)


def test_memory_is_bounded(tmp_path, monkeypatch):
    for number in range(30):
        photo(tmp_path / "in" / f"{number:02}.png", number)
    held, most, lock = 0, 0, threading.Lock()

    def read(path, max_pixels):
        nonlocal held, most
        with lock:
            held += 1
            most = max(most, held)
        return read_image(path, max_pixels)

    def write(*arguments, **options):
        nonlocal held
        write_image(*arguments, **options)
        with lock:
            held -= 1

    monkeypatch.setattr(images, "read_image", read)
    monkeypatch.setattr(images, "write_image", write)
    assert stylize_files([tmp_path / "in"], tmp_path / "out", invert).written == 30
    assert most <= 10


# --- runs that end early ---


def test_a_full_disk_ends_the_run_with_one_line_that_says_what_is_done(tmp_path, monkeypatch):
    for number in range(30):
        photo(tmp_path / "in" / f"{number:02}.png", number)
    replace, done, one_at_a_time = os.replace, [], threading.Lock()

    def until_full(source, target):
        with one_at_a_time:  # pictures are written by several threads
            if len(done) == 3:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            replace(source, target)
            done.append(target)

    monkeypatch.setattr(os, "replace", until_full)
    said = refusal([tmp_path / "in"], tmp_path / "out")
    assert "cannot be written (No space left on device)" in said
    assert said.endswith("the run ended after 3 of 30 pictures")
    assert len(tree(tmp_path / "out")) == 3  # and nothing half-written


def test_a_folder_that_is_removed_meanwhile_ends_the_run_and_is_not_made_again(tmp_path):
    for number in range(30):
        photo(tmp_path / "in" / f"{number:02}.png", number)
    out = tmp_path / "out"

    def remove(done, total, path, error):
        if done == 3:
            shutil.move(out, tmp_path / "elsewhere")

    said = refusal([tmp_path / "in"], out, on_progress=remove)
    words = rf"output folder '{out}' was removed or unmounted; the run ended after (\d+) of 30 pictures"
    counted = int(re.fullmatch(words, said)[1])
    # one that was written as the folder went has no line in the record, and does not count
    assert 3 <= counted <= len(tree(tmp_path / "elsewhere")) < 30
    assert not out.exists()


def test_an_interrupt_says_what_is_done_and_leaves_that_whole(tmp_path):
    for number in range(30):
        photo(tmp_path / "in" / f"{number:02}.png", number)
    drawn = []

    def draw(rgb):
        if len(drawn) == 12:
            raise KeyboardInterrupt
        drawn.append(rgb)
        return invert(rgb)

    with pytest.raises(KeyboardInterrupt) as stopped:
        stylize_files([tmp_path / "in"], tmp_path / "out", draw)
    assert str(stopped.value) == f"stopped: 12 of 30 pictures written to '{tmp_path / 'out'}'"
    assert tree(tmp_path / "out") == [f"{number:02}.png" for number in range(12)]


def test_tiles_of_a_photo_are_told_as_parts_of_the_run(tmp_path):
    for name in "ab":
        photo(tmp_path / f"{name}.png")
    told = []

    def draw(rgb):
        for tile in range(1, 5):
            tell_part(tile, 4)
        return rgb

    inputs = [tmp_path / "a.png", tmp_path / "b.png"]
    stylize_files(inputs, tmp_path / "out", draw, on_part=lambda *part: told.append(part))
    assert told == [(tile / 4, 2, inputs[0]) for tile in range(1, 5)] + [(1 + t / 4, 2, inputs[1]) for t in range(1, 5)]


def test_a_destination_is_tried_and_nothing_stays_there(tmp_path):
    (tmp_path / "file").touch()
    for output in (tmp_path, tmp_path / "a" / "b", tmp_path / "a" / "b.png"):
        try_destination(output)
    assert os.listdir(tmp_path) == ["file"]
    for output, words in (
        (tmp_path / "file" / "out", "needs a folder in place of"),
        (tmp_path / "a" / ("b" * 256), "File name too long"),
        (tmp_path / "a" / ("b" * 256 + ".png"), "File name too long"),
        (tmp_path / "a\0b", "null"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            try_destination(output)
        assert str(caught.value).isprintable()
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_destination_that_takes_nothing_is_refused_before_the_first_photo(tmp_path, monkeypatch, number):
    def full(**_):
        raise OSError(number, os.strerror(number))

    photo(tmp_path / "a.png")
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    said = refusal([tmp_path / "a.png"], tmp_path / "out")
    assert f"output '{tmp_path / 'out'}' cannot be written to ({os.strerror(number)})" in said
    assert not (tmp_path / "out").exists()


# --- inputs stay as they are ---


def test_inputs_are_never_overwritten(tmp_path):
    folder = tmp_path / "in"
    for name in ("a.png", "b.png", "sub/c.png"):
        photo(folder / name)
    (tmp_path / "link").symlink_to(folder)
    before = {name: (folder / name).read_bytes() for name in tree(folder)}
    a = folder / "a.png"
    (tmp_path / "alias.png").symlink_to(a)
    for inputs, output in (
        ([folder], folder),
        ([folder], tmp_path / "link"),
        ([folder], folder / "sub" / ".."),
        ([a], a),
        ([a], folder),
        ([tmp_path / "alias.png"], a),
        ([a, folder / "sub"], folder),
    ):
        assert "would replace its own photo" in refusal(inputs, output)
    assert "(and 2 more)" in refusal([folder], folder)
    assert {name: (folder / name).read_bytes() for name in tree(folder)} == before


def test_overwrite_replaces_own_photo_but_no_other_input(tmp_path):
    bitmap, png = photo(tmp_path / "a.bmp", 1), photo(tmp_path / "a.png", 2)
    assert stylize_files([tmp_path], tmp_path, invert, overwrite=True).written == 2
    assert tree(tmp_path) == ["a.bmp", "a.bmp.png", "a.png"]
    np.testing.assert_array_equal(read_image(tmp_path / "a.bmp.png").rgb, 255 - bitmap)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").rgb, 255 - png)
    np.testing.assert_array_equal(read_image(tmp_path / "a.bmp").rgb, bitmap)


def test_earlier_results_are_replaced_and_are_no_photos(tmp_path):
    rgb = photo(tmp_path / "in" / "a.png")
    for _ in range(2):
        assert stylize_files([tmp_path / "in"], tmp_path / "in" / "anime", invert).written == 1
    assert tree(tmp_path / "in") == ["a.png", "anime/a.png"]
    np.testing.assert_array_equal(read_image(tmp_path / "in" / "anime" / "a.png").rgb, 255 - rgb)


def test_refusals(tmp_path):
    photo(tmp_path / "a.png")
    photo(tmp_path / "b.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    assert "no input" in refusal([], tmp_path / "out")
    assert "holds no images" in refusal([tmp_path / "empty"], tmp_path / "out")
    assert "names one image" in refusal([a, b], tmp_path / "out.png")
    assert "names one image" in refusal([tmp_path], tmp_path / "out.png")
    assert "cannot be written" in refusal([a], tmp_path / "out.heic")
    assert "cannot be written" in refusal([a], tmp_path / "out", suffix=".gif")
    assert "does not end in the format .jpg" in refusal([a], tmp_path / "out.png", suffix=".jpg").replace("'", "")
    assert "is a file" in refusal([a], tmp_path / "file")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_listed_is_a_failure(tmp_path, monkeypatch):
    photo(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "shut").mkdir()
    list_folder = os.scandir

    def scandir(path):  # chmod would not stop root
        if os.path.basename(path) == "shut":
            raise PermissionError(13, "Permission denied", str(path))
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", scandir)
    report = stylize_files([tmp_path / "in"], tmp_path / "out", invert)
    assert report.written == 1
    assert [path for path, _ in report.failures] == [tmp_path / "in" / "shut"]


def test_photos_at_once_are_bounded_by_their_pixels(tmp_path, monkeypatch):
    """Of 400 pixels each, two fit; the one of 2,000, over the bound, goes alone; the broken one counts nothing."""
    sizes = dict.fromkeys(("a", "b", "c", "e", "f", "g"), (20, 20)) | {"d": (40, 50)}
    for name, size in sizes.items():
        photo(tmp_path / "in" / f"{name}.png", size=size)
    (tmp_path / "in" / "h.png").write_bytes(b"broken")
    held, seen, lock = {}, [], threading.Lock()

    def read(path, max_pixels):
        found = read_image(path, max_pixels)
        with lock:
            held[path.name] = found.rgb.shape[0] * found.rgb.shape[1]
            seen.append((sum(held.values()), len(held)))
        return found

    def write(path, *arguments, **options):
        write_image(path, *arguments, **options)
        with lock:
            del held[path.name]

    monkeypatch.setattr(images, "read_image", read)
    monkeypatch.setattr(images, "write_image", write)
    monkeypatch.setattr(files, "_AT_ONCE", 1000)
    report = stylize_files([tmp_path / "in"], tmp_path / "out", invert)
    assert (report.written, len(report.failures)) == (7, 1)
    assert all(pixels <= 1000 or count == 1 for pixels, count in seen)
    assert max(pixels for pixels, _ in seen) == 2000
    assert tree(tmp_path / "out") == [f"{name}.png" for name in sorted(sizes)]


PEAK = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(child.pid, 0)
print(status, used.ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="Windows tells no child's memory")
def test_photos_of_100_megapixels_take_less_than_3_gib(tmp_path):
    across = np.arange(10_000) * 255 // 10_000
    rgb = np.empty((10_000, 10_000, 3), np.uint8)
    rgb[..., 0], rgb[..., 1], rgb[..., 2] = across, across[:, None], 128
    for name in "ab":
        write_image(tmp_path / "in" / f"{name}.jpg", rgb)
    del rgb
    command = [sys.executable, "-m", "animegan3_tf", "stylize", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    # a process is charged with the memory that its parent held as it started, so the parent is a small one
    told = subprocess.run([sys.executable, "-c", PEAK, *command], stdout=subprocess.PIPE, check=True, text=True).stdout
    status, peak = map(int, told.split()[-2:])
    assert status == 0
    assert tree(tmp_path / "out") == ["a.jpg", "b.jpg"]
    assert peak * (1 if sys.platform == "darwin" else 1024) < 3 * 2**30
