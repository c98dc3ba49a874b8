import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from helpers.prepared_folders import digests

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import read_image, resize, write_image
from animegan3_tf.data.face_align import Face
from animegan3_tf.data.face_detector import CenterCrop
from animegan3_tf.data.faces import CropSettings, crop_faces
from animegan3_tf.data.manifest import JOURNAL

SMALL = CropSettings(size=32, margin=0.0, min_size=20)


def photo(seed, height=60, width=80):
    coarse = np.random.default_rng(seed).integers(0, 256, (10, 12, 3), dtype=np.uint8)
    return resize(coarse, (height, width))


class Listed:
    """A detector that knows the faces of each name; counts the pictures it has seen."""

    def __init__(self, default=(Face((10, 10, 50, 50)),), **faces):
        self.default, self.faces, self.seen, self.settings = list(default), faces, [], {"detector": "listed"}

    def __call__(self, pictures, names):
        assert all(picture.dtype == np.uint8 and picture.shape[2] == 3 for picture in pictures)
        self.seen += names
        return [self.faces.get(name.partition(".")[0], self.default) for name in names]


@pytest.fixture
def photos(tmp_path):
    for seed, name in enumerate(("a.png", "b.jpg", "sub/c.png")):
        write_image(tmp_path / "photo" / name, photo(seed))
    return tmp_path / "photo"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "faces"


def crops(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def book(folder):
    return json.loads((folder / "faces.json").read_text())["photos"]


def reasons(folder):
    return json.loads((folder / "rejected.json").read_text())


def test_every_face_is_cut_and_the_manifest_leads_back_to_the_photo(photos, out):
    before = digests(photos)
    report = crop_faces(photos, out, Listed(), SMALL)
    assert (report.written, report.current, dict(report.rejected), report.failed) == (3, 0, {}, [])
    assert crops(out) == ["a.png", "b.png", "sub/c.png"]
    assert digests(photos) == before
    (crop,) = book(out)["a.png"]["crops"]
    assert crop["file"] == "a.png"
    assert crop["sha256"] == digests(out)["a.png"]
    assert crop["box"] == [10, 10, 50, 50]
    assert crop["crop_to_photo"] == [[1.25, 0, 10.125], [0, 1.25, 10.125]]  # 40 pixels to 32
    assert book(out)["a.png"]["sha256"] == before["a.png"]
    expected = resize(read_image(photos / "a.png").rgb[10:50, 10:50], (32, 32)).astype(int)
    assert np.abs(read_image(out / "a.png").rgb - expected).mean() < 2
    assert reasons(out) == {}


def test_several_faces_are_numbered_from_left_to_right(photos, out):
    faces = [Face((50, 10, 75, 35)), Face((2, 20, 32, 50))]
    crop_faces(photos, out, Listed(a=faces), SMALL)
    assert crops(out) == ["a_1.png", "a_2.png", "b.png", "sub/c.png"]
    assert [crop["box"][0] for crop in book(out)["a.png"]["crops"]] == [2, 50]


def test_reasons_for_what_is_left_out(photos, out):
    for seed, name in ((3, "d.png"), (4, "e.png"), (5, "f.png")):
        write_image(photos / name, photo(seed))
    (photos / "f.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    detector = Listed(
        a=[], b=[Face((0, 0, 30, 30), 0.5)], d=[Face((0, 0, 19, 12))], e=[Face((200, 0, 240, 40)), Face((0, 0, 9, 9))]
    )
    report = crop_faces(photos, out, detector, SMALL)
    assert crops(out) == ["sub/c.png"]
    found = reasons(out)
    assert found["a.png"] == "no face: none of 20 pixels or more was found"
    assert found["b.jpg"] == "no face: the likeliest has confidence 0.50, under 0.9"
    assert found["d.png"] == "too small: the largest face measures 19 pixels, under 20"
    assert found["e.png"] == "too small: the largest face measures 9 pixels, under 20"
    assert found["f.png"].startswith(f"unreadable: '{photos / 'f.png'}' is ")
    assert dict(report.rejected) == {"no face": 2, "too small": 2, "unreadable": 1}
    assert [path for path, _ in report.failed] == [photos / "f.png"]


def test_a_box_outside_its_picture_is_no_face(photos, out):
    crop_faces(photos, out, Listed(a=[Face((200, 0, 240, 40))]), SMALL)
    assert reasons(out) == {"a.png": "no face: the box lies outside the picture of 80x60"}


def test_letterbox_takes_the_whole_picture_between_bars(photos, out):
    settings = CropSettings(size=32, margin=0.5, min_size=20, letterbox=True, max_outside=1.0)
    crop_faces(photos, out, Listed(a=[], b=[Face((0, 0, 10, 10))]), settings)
    whole = read_image(out / "a.png").rgb  # 80x60 on 32x32: 24 rows of picture, 4 of bar above and below
    assert not whole[:3].any()
    assert not whole[-3:].any()
    assert whole[5:-5].any(axis=-1).all()
    assert list(reasons(out)) == ["b.jpg"]  # a small face is no reason to take the whole


def test_near_duplicates_are_left_out_and_named(photos, out):
    write_image(photos / "z.jpg", read_image(photos / "a.png").rgb, quality=80)
    report = crop_faces(photos, out, Listed(), SMALL)
    assert "z.png" not in crops(out)
    assert reasons(out)["z.jpg"].startswith("near-duplicate: ")
    assert reasons(out)["z.jpg"].endswith("of 256 bits differ from 'a.png'")
    assert report.rejected == {"near-duplicate": 1}
    assert crop_faces(photos, out, Listed(), SMALL).current == 4

    (photos / "a.png").unlink()  # then it repeats nothing
    assert crop_faces(photos, out, Listed(), SMALL).written == 1
    assert crops(out) == ["b.png", "sub/c.png", "z.png"]

    write_image(photos / "zz.png", read_image(photos / "z.jpg").rgb)
    keep = CropSettings(size=32, margin=0.0, min_size=20, duplicates=-1)
    assert crop_faces(photos, out, Listed(), keep).written == 4


def test_a_finished_run_neither_decodes_nor_detects(photos, out, monkeypatch):
    crop_faces(photos, out, Listed(b=[]), SMALL)
    before = digests(out)
    monkeypatch.setattr("animegan3_tf.data.prepare.read_image", lambda *_: pytest.fail("a current photo was decoded"))
    detector = Listed(b=[])
    report = crop_faces(photos, out, detector, SMALL)
    assert (report.written, report.current, dict(report.rejected)) == (0, 3, {"no face": 1})
    assert detector.seen == []
    assert digests(out) == before


def test_only_what_changed_is_done_again(photos, out):
    crop_faces(photos, out, Listed(), SMALL)
    whole = digests(out)
    os.utime(photos / "a.png", (1, 1))  # touched, the same content
    write_image(photos / "b.jpg", photo(77))
    (out / "sub" / "c.png").write_bytes((out / "sub" / "c.png").read_bytes()[:-9])
    detector = Listed()
    crop_faces(photos, out, detector, SMALL)
    assert detector.seen == ["b.jpg", "sub/c.png"]
    assert digests(out)["sub/c.png"] == whole["sub/c.png"]
    assert digests(out)["b.png"] != whole["b.png"]


def test_other_settings_do_all_again_and_leave_no_old_crop(photos, out):
    two = [Face((2, 20, 32, 50)), Face((50, 10, 75, 35), 0.95)]
    crop_faces(photos, out, Listed(a=two), SMALL)
    assert crops(out)[:2] == ["a_1.png", "a_2.png"]
    detector = Listed(a=two)
    sure = CropSettings(size=32, margin=0.0, min_size=20, min_confidence=0.99)
    assert crop_faces(photos, out, detector, sure).written == 3
    assert crops(out) == ["a.png", "b.png", "sub/c.png"]
    detector.settings = {"detector": "another"}
    assert crop_faces(photos, out, detector, sure).written == 3


def test_crops_of_photos_that_have_gone_go_too(photos, out):
    crop_faces(photos, out, Listed(), SMALL)
    (photos / "b.jpg").unlink()
    assert crop_faces(photos, out, Listed(), SMALL).current == 2
    assert crops(out) == ["a.png", "sub/c.png"]
    assert list(book(out)) == ["a.png", "sub/c.png"]


def test_two_photos_of_one_name_do_not_replace_each_other(photos, out):
    write_image(photos / "a.bmp", photo(9))
    report = crop_faces(photos, out, Listed(), SMALL)
    assert report.failed == [(photos / "a.png", "'a.png' and 'a.bmp' would both become 'a.png'; rename one")]
    assert crop_faces(photos, out, Listed(), SMALL).failed == report.failed
    assert book(out)["a.bmp"]["crops"][0]["sha256"] == digests(out)["a.png"]


def test_a_file_that_is_not_ours_is_never_replaced(photos, out):
    write_image(out / "a.png", photo(50))
    before = digests(out)["a.png"]
    report = crop_faces(photos, out, Listed(), SMALL)
    assert (report.written, report.rejected) == (2, {"name taken": 1})
    assert "a.png' stands where a crop of 'a.png' belongs; move it away" in report.failed[0][1]
    assert digests(out)["a.png"] == before


def test_crops_below_the_photos_are_not_photos(photos):
    crop_faces(photos, photos / "faces", Listed(), SMALL)
    assert crop_faces(photos, photos / "faces", Listed(), SMALL).current == 3
    with pytest.raises(UserError, match="is the folder of the photos; name another"):
        crop_faces(photos, photos, Listed(), SMALL)


def test_other_photos_want_another_folder(photos, out, tmp_path):
    crop_faces(photos, out, Listed(), SMALL)
    before = digests(out)
    write_image(tmp_path / "more" / "x.png", photo(8))
    with pytest.raises(UserError, match=r"holds the faces of '.*photo'; name another folder"):
        crop_faces(tmp_path / "more", out, Listed(), SMALL)
    assert digests(out) == before


@pytest.mark.parametrize("name", ["faces.json", "rejected.json"])
def test_books_that_are_not_ours_are_refused(photos, out, name):
    out.mkdir()
    (out / name).write_text('{"mine": 1}')
    with pytest.raises(UserError, match=rf"{name}' was not written by animegan3 faces; move it away"):
        crop_faces(photos, out, Listed(), SMALL)
    assert (out / name).read_text() == '{"mine": 1}'


def test_one_photo(photos, out):
    assert crop_faces(photos / "a.png", out, Listed(), SMALL).written == 1
    assert crops(out) == ["a.png"]


def test_no_photos(tmp_path, out):
    with pytest.raises(UserError, match=r"nowhere' does not exist; name"):
        crop_faces(tmp_path / "nowhere", out, Listed())
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no pictures; put"):
        crop_faces(tmp_path / "empty", out, Listed())
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("size", 4), ("margin", -0.1), ("min_size", 0), ("min_confidence", 1.5), ("duplicates", 256), ("margin", np.nan)],
)
def test_settings_outside_their_range(name, value):
    with pytest.raises(UserError, match=rf"--{name.replace('_', '-')} is {value}; give from"):
        CropSettings(**{name: value})


def test_odd_files_are_named_and_the_rest_goes_on(photos, out):
    (photos / "empty.jpg").touch()
    (photos / "text.png").write_text("no picture")
    (photos / "huge.bmp").write_bytes((photos / "a.png").read_bytes())  # the wrong suffix, but a picture
    (photos / "cut.jpg").write_bytes((photos / "b.jpg").read_bytes()[:300])
    (photos / "loop").symlink_to(photos, target_is_directory=True)
    (photos / "dangling.png").symlink_to(photos / "gone.png")
    os.mkfifo(photos / "pipe.png")
    odd = os.fsencode(photos) + b"/\xff\xe9.png"
    with open(odd, "wb") as file:
        file.write((photos / "sub" / "c.png").read_bytes())
    report = crop_faces(photos, out, Listed(), SMALL)
    assert sorted(path.name for path, _ in report.failed) == [
        "cut.jpg", "dangling.png", "empty.jpg", "pipe.png", "text.png",
    ]  # fmt: skip

    assert all(reason.isprintable() for _, reason in report.failed)
    assert report.rejected == {"near-duplicate": 2, "unreadable": 5}
    assert crop_faces(photos, out, Listed(), SMALL).current == 5


def test_transparent_photos_are_seen_on_white(photos, out):
    write_image(photos / "clear.png", photo(30), np.zeros((60, 80), np.uint8))
    crop_faces(photos, out, Listed(), SMALL)
    assert (read_image(out / "clear.png").rgb == 255).all()


def test_a_folder_that_cannot_be_made_or_written(photos, out):
    out.write_text("a file where the folder belongs")
    with pytest.raises(UserError, match="faces' cannot be written"):
        crop_faces(photos, out, Listed(), SMALL)
    out.unlink()
    (out / JOURNAL).mkdir(parents=True)
    with pytest.raises(UserError, match=r"faces.json' cannot be written \(Is a directory\)"):
        crop_faces(photos, out, Listed(), SMALL)
    (out / JOURNAL).rmdir()
    (out / JOURNAL).write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match=r"manifest.sqlite' is damaged .*; delete it"):
        crop_faces(photos, out, Listed(), SMALL)
    assert (out / JOURNAL).stat().st_size == 11_000


def test_a_full_disk_ends_the_run_and_the_next_goes_on(photos, out, monkeypatch):
    def full(path, *_):
        if path.name == "b.png":
            raise UserError(f"'{path}' cannot be written (No space left on device)")
        write_image(path, *_)

    with monkeypatch.context() as patch:
        patch.setattr("animegan3_tf.data.faces.write_image", full)
        with pytest.raises(UserError, match="No space left"):
            crop_faces(photos, out, Listed(), SMALL)
    report = crop_faces(photos, out, Listed(), SMALL)
    assert (report.written, report.current) == (2, 1)


def test_what_a_killed_run_left_unrecorded_is_not_taken_for_a_crop(photos, out, monkeypatch):
    """Its folder has crops that no record names yet, and the next run makes fewer."""

    class Killed(BaseException):
        pass

    def kill(*_, **__):
        raise Killed

    two = [Face((2, 20, 32, 50)), Face((50, 10, 75, 35))]
    with monkeypatch.context() as patch:
        patch.setattr("animegan3_tf.data.faces.FaceManifest.enter", kill)  # the crops are written
        patch.setattr("animegan3_tf.data.faces.remove", kill)  # and stay: nothing is tidied
        with pytest.raises(Killed):
            crop_faces(photos, out, Listed(a=two), SMALL)
    assert crops(out) == ["a_1.png", "a_2.png"]
    assert (out / JOURNAL).exists()
    assert not (out / "faces.json").exists()
    assert crop_faces(photos, out, Listed(), SMALL).written == 3
    assert crops(out) == ["a.png", "b.png", "sub/c.png"]
    assert not (out / JOURNAL).exists()


def test_what_a_full_disk_left_unrecorded_goes_at_once(photos, out, monkeypatch):
    def full(path, *_):
        if path.name == "a_2.png":
            raise UserError(f"'{path}' cannot be written (No space left on device)")
        write_image(path, *_)

    two = [Face((2, 20, 32, 50)), Face((50, 10, 75, 35))]
    with monkeypatch.context() as patch:
        patch.setattr("animegan3_tf.data.faces.write_image", full)
        with pytest.raises(UserError, match="No space left"):
            crop_faces(photos, out, Listed(a=two), SMALL)
    assert crops(out) == []
    assert crop_faces(photos, out, Listed(a=two), SMALL).written == 4


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_killed_run_is_finished_by_the_next(tmp_path, photos, out):
    for seed in range(40):
        write_image(photos / f"more/{seed}.png", photo(seed + 100))
    settings = CropSettings(size=32, margin=0.0, min_size=20)
    crop_faces(photos, out, CenterCrop(), settings)
    whole = digests(out)
    other = tmp_path / "other"
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\nfrom animegan3_tf.data.face_detector import CenterCrop\n"
        "from animegan3_tf.data.faces import CropSettings, crop_faces\n"
        "settings = CropSettings(size=32, margin=0.0, min_size=20)\n"
        "crop_faces(*sys.argv[1:], CenterCrop(), settings, on_progress=lambda *step: print(*step, flush=True))\n"
    )
    command = [sys.executable, str(script), str(photos), str(other)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.getcwd()})
    run.stdout.readline()
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=20)
    crop_faces(photos, other, CenterCrop(), settings)
    left = {name: digest for name, digest in digests(other).items() if not name.endswith(".tmp")}
    assert left == whole


def test_crops_that_leave_their_photo_are_left_out(photos, out):
    """Boxes of 40 pixels, 8 and 4 of them above the photo; a turned one whose middle lies on the right edge."""
    turned = Face((60, 10, 100, 50), landmarks=((70, 40), (90, 20)))
    far, near = Face((10, -8, 50, 32)), Face((10, -4, 50, 36))
    detector = Listed(a=[far], b=[near, far], **{"sub/c": [turned]})
    report = crop_faces(photos, out, detector, SMALL)
    assert crops(out) == ["b.png"]
    found = reasons(out)
    assert found["a.png"] == found["b.jpg"] == "cut off: 20 % lies outside its photo, over 15 %"
    assert found["sub/c.png"].startswith("cut off: 50 % lies")
    assert report.rejected == {"cut off": 3}
    all_of_them = CropSettings(size=32, margin=0.0, min_size=20, max_outside=1.0, duplicates=-1)
    assert crop_faces(photos, out, detector, all_of_them).written == 4
    assert reasons(out) == {}
