import json
import shutil

import cv2
import numpy as np
import pytest
from helpers.drawn_faces import face, landmarks

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import read_image, write_image
from animegan3_tf.data.face_align import Face
from animegan3_tf.data.manifest import JOURNAL
from animegan3_tf.data.pairs import PairMakingSettings, cross_off, make_pairs

SETTINGS = PairMakingSettings(size=128, teacher_size=256)


class Teacher:
    """Draws the photo with skin made pale; counts its drawings."""

    name, sha256, fixed_size = "pale.h5", "ab" * 32, None

    def __init__(self, broken=()):
        self.drawn, self.broken = 0, broken

    def __call__(self, rgb):
        self.drawn += 1
        if self.drawn in self.broken:
            raise UserError("the model gave no picture for 256x256 pixels")
        dark = rgb.max(axis=2) < 60
        return np.where(dark[..., None], rgb, np.maximum(rgb, 230)).astype(np.uint8)


class Detector:
    """Finds the drawn face in the middle of a photo of 480 pixels; none where the photo is black there."""

    settings = {"detector": "drawn"}  # noqa: RUF012

    def __call__(self, pictures, names=()):
        points = tuple((x + 48.0, y + 48.0) for x, y in landmarks())
        found = Face((140.0, 100.0, 340.0, 380.0), 1.0, points)
        return [[found] if rgb[300, 240].max() > 60 else [] for rgb in pictures]


def photo(skin=(150, 95, 70), **drawn):
    image = np.full((480, 480, 3), (60, 90, 60), np.uint8)
    image[48:432, 48:432] = face(skin=skin, **drawn)
    return image


@pytest.fixture
def photos(tmp_path):
    """Three photos with whole faces, one with a lost eye, one without a face."""
    looks = [
        photo(),
        photo((200, 150, 120)),
        photo((90, 60, 45)),
        photo(eyes=(1, 0)),
        np.zeros((480, 480, 3), np.uint8),
    ]
    paths = [tmp_path / "photos" / f"{name}.png" for name in ("a", "b", "c", "one eye", "nobody")]
    for path, rgb in zip(paths, looks):
        write_image(path, rgb)
    return paths


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_pairs_are_written_with_their_landmarks_and_every_rejection_has_its_reason(photos, tmp_path):
    out = tmp_path / "pairs"
    report = make_pairs(photos, out, [Teacher()], Detector(), SETTINGS)
    assert (report.written, report.pairs, report.current) == (3, 3, 0)
    rejected = json.loads((out / "rejected.json").read_text())
    assert rejected["nobody.png"] == ["no face: none of 64 pixels or more was found"]
    assert "eye" in rejected["one eye.png"][0]
    assert sum(report.rejected.values()) == 2
    manifest = json.loads((out / "manifest.json").read_text())
    assert len(manifest["pairs"]) == 3
    for stem, record in manifest["pairs"].items():
        pair = [read_image(out / folder / f"{stem}.png").rgb for folder in ("photo", "anime")]
        assert pair[0].shape == pair[1].shape == (128, 128, 3)
        for x, y in record["landmarks"][:2]:  # where the eyes are dark in both
            assert max(image[round(y) - 2 : round(y) + 3, round(x) - 3 : round(x) + 4].min() for image in pair) < 90
    assert manifest["settings"]["teachers"] == [{"name": "pale.h5", "sha256": "ab" * 32}]


def test_the_skin_of_a_pair_has_the_photos_hue(photos, tmp_path):
    make_pairs(photos[:1], tmp_path / "region", [Teacher()], Detector(), SETTINGS)
    make_pairs(photos[:1], tmp_path / "none", [Teacher()], Detector(), PairMakingSettings(128, 256, keep_colors="none"))
    found = {}
    for kind in ("region", "none"):
        (path,) = (tmp_path / kind / "anime").iterdir()
        found[kind] = cv2.cvtColor(read_image(path).rgb, cv2.COLOR_RGB2HSV)[64 + 12, 64 - 20]
    assert found["none"][1] < 15  # the teacher's white
    assert found["region"][1] > 60


def test_a_second_run_draws_nothing_and_changes_nothing(photos, tmp_path):
    out, teacher = tmp_path / "pairs", Teacher()
    make_pairs(photos, out, [teacher], Detector(), SETTINGS)
    before, drawn = tree(out), teacher.drawn
    report = make_pairs(photos, out, [teacher], Detector(), SETTINGS)
    assert (report.written, report.current, teacher.drawn) == (0, 5, drawn)
    assert tree(out) == before


def test_what_a_kill_left_is_finished_to_the_same_bytes(photos, tmp_path):
    class Killed(BaseException):
        pass

    class Dying(Teacher):
        def __call__(self, rgb):
            if self.drawn == 2:
                raise Killed
            return super().__call__(rgb)

    whole, out = tmp_path / "whole", tmp_path / "killed"
    make_pairs(photos, whole, [Teacher()], Detector(), SETTINGS)
    with pytest.raises(Killed):
        make_pairs(photos, out, [Dying()], Detector(), SETTINGS)
    (out / "photo" / f".{'0' * 32}.tmp").write_bytes(b"half")  # what a kill during a write leaves
    teacher = Teacher()
    make_pairs(photos, out, [teacher], Detector(), SETTINGS)
    assert teacher.drawn == 2  # of four faces two were done
    assert tree(out) == tree(whole)


def test_the_journal_alone_is_enough_to_go_on(photos, tmp_path, monkeypatch):
    out = tmp_path / "pairs"

    def killed(*_):
        raise UserError("killed before the JSON files were written")

    with monkeypatch.context() as patch:
        patch.setattr("animegan3_tf.data.pairs.write_entries", killed)
        with pytest.raises(UserError, match="killed"):
            make_pairs(photos, out, [Teacher()], Detector(), SETTINGS)
    assert not (out / "manifest.json").exists()
    teacher = Teacher()
    report = make_pairs(photos, out, [teacher], Detector(), SETTINGS)
    assert (teacher.drawn, report.pairs) == (0, 3)
    assert not (out / JOURNAL).exists()


def test_photos_are_known_by_their_content(photos, tmp_path):
    out = tmp_path / "pairs"
    make_pairs(photos[:1], out, [Teacher()], Detector(), SETTINGS)
    again = tmp_path / "elsewhere" / "renamed.png"
    again.parent.mkdir()
    shutil.copy(photos[0], again)
    report = make_pairs([again, photos[1], photos[1]], out, [Teacher()], Detector(), SETTINGS)
    assert (report.written, report.pairs, report.current) == (1, 2, 2)


def test_two_photos_of_one_name_become_two_pairs(photos, tmp_path):
    other = tmp_path / "other" / "a.png"
    write_image(other, photo((220, 180, 160)))
    report = make_pairs([photos[0], other], tmp_path / "pairs", [Teacher()], Detector(), SETTINGS)
    assert report.pairs == 2


def test_a_pair_that_was_deleted_is_made_again(photos, tmp_path):
    out = tmp_path / "pairs"
    make_pairs(photos, out, [Teacher()], Detector(), SETTINGS)
    before = tree(out)
    sorted((out / "anime").iterdir())[0].unlink()
    assert make_pairs(photos, out, [Teacher()], Detector(), SETTINGS).written == 1
    assert tree(out) == before


def test_teachers_draw_one_after_the_other(photos, tmp_path):
    class Inverting(Teacher):
        def __call__(self, rgb):
            return 255 - rgb

    settings = PairMakingSettings(128, 256, keep_colors="none", checks=False)
    make_pairs(photos[:1], tmp_path / "once", [Teacher()], Detector(), settings)
    make_pairs(photos[:1], tmp_path / "chain", [Inverting(), Inverting(), Teacher()], Detector(), settings)
    assert tree(tmp_path / "once" / "anime") == tree(tmp_path / "chain" / "anime")


def test_whole_images_keep_their_shape(tmp_path):
    rng = np.random.default_rng(0)
    write_image(tmp_path / "wide.png", rng.integers(0, 256, (300, 700, 3), np.uint8))
    write_image(tmp_path / "tiny.png", rng.integers(0, 256, (40, 200, 3), np.uint8))
    settings = PairMakingSettings(128, 256, faces=False)
    report = make_pairs([tmp_path / "wide.png", tmp_path / "tiny.png"], tmp_path / "pairs", [Teacher()], None, settings)
    assert report.pairs == 1
    (path,) = (tmp_path / "pairs" / "photo").iterdir()
    assert read_image(path).rgb.shape == (52, 128, 3)  # 300:700 within 256, in whole eighths: 104x256
    assert json.loads((tmp_path / "pairs" / "rejected.json").read_text())["tiny.png"][0].startswith("too small")


def test_several_processes_write_the_same_files(photos, tmp_path):
    for jobs in (1, 2):
        make_pairs(photos, tmp_path / str(jobs), [Teacher()], Detector(), SETTINGS, jobs)
    assert tree(tmp_path / "1") == tree(tmp_path / "2")


def test_a_teacher_that_fails_on_a_photo_costs_that_photo_alone(photos, tmp_path):
    report = make_pairs(photos[:3], tmp_path / "pairs", [Teacher(broken=[2])], Detector(), SETTINGS)
    assert report.pairs == 2
    assert report.rejected == {"teacher failed": 1}


def test_an_unreadable_photo_is_told_and_tried_again(photos, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    out = tmp_path / "pairs"
    report = make_pairs([bad, photos[0]], out, [Teacher()], Detector(), SETTINGS)
    assert report.pairs == 1
    assert "bad.png" in report.unreadable[0]
    assert "bad.png" in json.loads((out / "rejected.json").read_text())
    write_image(bad, photo((220, 180, 160)))
    assert make_pairs([bad, photos[0]], out, [Teacher()], Detector(), SETTINGS).pairs == 2
    assert "bad.png" not in json.loads((out / "rejected.json").read_text())


def test_pairs_made_otherwise_are_not_mixed(photos, tmp_path):
    out = tmp_path / "pairs"
    make_pairs(photos[:1], out, [Teacher()], Detector(), SETTINGS)
    with pytest.raises(UserError, match=r"made with other settings \(size was 128, is 256\); name another folder"):
        make_pairs(photos[:1], out, [Teacher()], Detector(), PairMakingSettings(256, 256))


def test_a_teacher_of_another_size_is_refused_before_anything_is_made(photos, tmp_path):
    teacher = Teacher()
    teacher.fixed_size = (64, 96)
    with pytest.raises(UserError, match=r"'pale\.h5' draws 96x64 only; give --teacher-size 96"):
        make_pairs(photos, tmp_path / "pairs", [teacher], Detector(), SETTINGS)
    assert not (tmp_path / "pairs").exists()


def test_what_a_person_crossed_off_is_gone_and_stays_gone(photos, tmp_path):
    out, review = tmp_path / "pairs", tmp_path / "review.json"
    make_pairs(photos, out, [Teacher()], Detector(), SETTINGS)
    stem = sorted(path.stem for path in (out / "photo").iterdir())[0]
    review.write_text(json.dumps({"crossed_off": [stem]}))
    assert cross_off(out, review) == 1
    assert cross_off(out, review) == 0
    report = make_pairs(photos, out, [Teacher()], Detector(), SETTINGS)
    assert (report.written, report.pairs) == (0, 2)
    assert not (out / "anime" / f"{stem}.png").exists()
    assert report.rejected["crossed off"] == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"crossed_off": ["nobody-12345678"]}', "names 'nobody-12345678', which .* does not hold; give the review of"),
        ('{"crossed_off": [1]}', "is not a file that the page of pairs saved"),
        ("[]", "is not a file that the page of pairs saved"),
        ("{", "is not a file that the page of pairs saved"),
    ],
)
def test_a_wrong_review_removes_nothing(photos, tmp_path, content, reason):
    out, review = tmp_path / "pairs", tmp_path / "review.json"
    make_pairs(photos, out, [Teacher()], Detector(), SETTINGS)
    before = tree(out)
    review.write_text(content)
    with pytest.raises(UserError, match=reason):
        cross_off(out, review)
    assert tree(out) == before


@pytest.mark.parametrize("values", [{"size": 32}, {"teacher_size": 10_000}, {"keep_colors": "all"}, {"min_face": 5}])
def test_settings_have_limits(values):
    with pytest.raises(UserError, match=next(iter(values))):
        PairMakingSettings(**values)
