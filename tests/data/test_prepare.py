import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from helpers.prepared_folders import counts, digests, picture

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import fcntl, only_process
from animegan3_tf.common.images import read_image, write_image
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.targets import Stage, anime_targets, photo_targets, smooth_target, target_folder


def test_target_folders_have_the_names_of_the_design(tmp_path):
    assert target_folder(tmp_path / "photo", "superpixel") == tmp_path / "photo_superpixel"
    assert target_folder(tmp_path / "photo", "l0") == tmp_path / "photo_l0"
    assert target_folder(tmp_path / "hayao" / "style", "smooth") == tmp_path / "hayao" / "smooth"
    assert target_folder(tmp_path / "faces", "smooth") == tmp_path / "faces_smooth"
    with pytest.raises(ValueError, match="superpixel, l0, smooth"):
        target_folder(tmp_path, "blurred")


def test_a_folder_without_a_name_is_resolved(tmp_path, monkeypatch):
    (tmp_path / "photo").mkdir()
    monkeypatch.chdir(tmp_path / "photo")
    assert target_folder(".", "l0") == tmp_path.resolve() / "photo_l0"


def test_every_photo_gets_its_targets_and_originals_stay_as_they_were(photos):
    before = digests(photos)
    seen = []
    report = prepare(photo_targets(photos), on_progress=lambda *step: seen.append(step))

    assert counts(report) == (6, 0, 0)
    assert [step[:2] for step in seen] == [(i, 6) for i in range(1, 7)]
    assert {step[2] for step in seen} == {"a.png", "b.jpg", "more/c.png"}
    assert digests(photos) == before
    for kind in ("superpixel", "l0"):
        assert set(digests(target_folder(photos, kind))) == {"a.png", "b.png", "more/c.png"}
    original = read_image(photos / "a.png").rgb
    for kind in ("superpixel", "l0"):  # both flatten the noise, and neither is a copy
        target = read_image(target_folder(photos, kind) / "a.png").rgb
        assert target.shape == original.shape
        assert np.abs(np.diff(target.astype(int), axis=0)).mean() < np.abs(np.diff(original.astype(int), axis=0)).mean()


def test_second_run_does_nothing_not_even_decode(photos, monkeypatch):
    prepare(photo_targets(photos))
    before = digests(photos.parent)

    def refuse(*_):
        raise AssertionError("a current picture was decoded")

    monkeypatch.setattr("animegan3_tf.data.prepare.read_image", refuse)
    assert counts(prepare(photo_targets(photos))) == (0, 6, 0)
    assert digests(photos.parent) == before


def test_a_picture_is_read_once_for_all_its_targets(photos, monkeypatch):
    read = []

    def counted(path, *arguments):
        read.append(path.name)
        return read_image(path, *arguments)

    monkeypatch.setattr("animegan3_tf.data.prepare.read_image", counted)
    prepare(photo_targets(photos))
    assert sorted(read) == ["a.png", "b.jpg", "c.png"]


@pytest.mark.skipif(fcntl is None, reason="this system has no such locks")
def test_a_second_run_on_the_same_folders_is_refused(photos):
    with only_process(photos.parent), pytest.raises(UserError, match="being prepared already; wait"):
        prepare(photo_targets(photos))
    assert counts(prepare(photo_targets(photos))) == (6, 0, 0)


def test_what_killed_writers_left_is_tidied_away(photos):
    prepare(photo_targets(photos))
    whole = digests(photos.parent)
    for folder in (photos.parent, photos.parent / "photo_l0" / "more"):
        (folder / f".{'0' * 32}.tmp").write_bytes(b"half")
    prepare(photo_targets(photos))
    assert digests(photos.parent) == whole


def test_changed_parameter_rebuilds_only_its_stage(photos):
    prepare(photo_targets(photos))
    superpixels = digests(photos.parent / "photo_superpixel")
    assert counts(prepare(photo_targets(photos, lam=0.05))) == (3, 3, 0)
    assert digests(photos.parent / "photo_superpixel") == superpixels
    assert counts(prepare(photo_targets(photos, lam=0.05, min_size=20))) == (3, 3, 0)


def test_changed_source_is_made_anew_and_a_touched_one_is_not(photos):
    prepare(photo_targets(photos))
    os.utime(photos / "a.png", (1, 1))
    write_image(photos / "b.jpg", picture(77))
    report = prepare(photo_targets(photos))
    assert counts(report) == (2, 4, 0)


@pytest.mark.parametrize("damage", ["removed", "truncated"])
def test_lost_and_half_written_targets_are_made_again_byte_for_byte(photos, damage):
    prepare(photo_targets(photos))
    whole = digests(photos.parent)
    victim = photos.parent / "photo_l0" / "more" / "c.png"
    if damage == "removed":
        victim.unlink()
    else:
        victim.write_bytes(victim.read_bytes()[:-20])
    assert counts(prepare(photo_targets(photos))) == (1, 5, 0)
    assert digests(photos.parent) == whole


def test_interrupted_run_keeps_what_it_made(photos, tmp_path):
    def interrupt(done, total, name):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(photo_targets(photos), on_progress=interrupt)
    assert counts(prepare(photo_targets(photos))) == (4, 2, 0)


def test_salt_is_random_by_picture_and_the_same_in_every_run(anime):
    prepare(anime_targets(anime, salt=0.1))
    smooth = anime.parent / "smooth"
    before = digests(smooth)
    white = [np.all(read_image(smooth / name).rgb == 255, axis=-1) for name in ("x.png", "y.png")]
    assert all(0.08 <= each.mean() <= 0.12 for each in white)
    assert not np.array_equal(*white)
    (smooth / "x.png").unlink()
    prepare(anime_targets(anime, salt=0.1))
    assert digests(smooth) == before
    assert counts(prepare(anime_targets(anime, salt=0.0))) == (2, 0, 0)
    assert not np.all(read_image(smooth / "x.png").rgb == 255, axis=-1).any()


def fails_on_dark(rgb, name):
    if rgb.mean() < 10:
        raise ValueError("too dark\nby far")
    return rgb


def test_a_filter_that_fails_on_one_picture_does_not_end_the_run(photos):
    write_image(photos / "dark.png", np.zeros((8, 8, 3), np.uint8))
    report = prepare([Stage("copy", photos, photos.parent / "photo_copy", fails_on_dark)])
    assert counts(report) == (3, 0, 1)
    assert report.rejected[photos / "dark.png"].endswith("copy failed, ValueError: too dark by far")


def test_worker_processes_give_the_same_bytes(photos, tmp_path):
    prepare(photo_targets(photos))
    alone = {kind: digests(target_folder(photos, kind)) for kind in ("superpixel", "l0")}
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").unlink()
    seen = []
    report = prepare(photo_targets(photos), jobs=2, on_progress=lambda done, total, name: seen.append(done))
    assert counts(report) == (6, 0, 0)
    assert seen == [1, 2, 3, 4, 5, 6]
    assert {kind: digests(target_folder(photos, kind)) for kind in ("superpixel", "l0")} == alone
    assert json.loads((tmp_path / "manifest.json").read_text()) == manifest


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_killed_run_is_finished_by_the_next_and_leaves_no_worker(tmp_path, photos):
    for i in range(20):
        write_image(photos / f"more/{i}.png", picture(i, 64))
    prepare(photo_targets(photos))
    whole = digests(tmp_path)
    for kind in ("superpixel", "l0"):
        for path in target_folder(photos, kind).rglob("*.png"):
            path.unlink()
    (tmp_path / "manifest.json").unlink()
    script = tmp_path.with_name(tmp_path.name + "_run.py")
    script.write_text(
        "import sys\nfrom animegan3_tf.data.prepare import prepare\n"
        "from animegan3_tf.data.targets import photo_targets\n"
        "if __name__ == '__main__':\n"
        "    prepare(photo_targets(sys.argv[1]), jobs=2, on_progress=lambda *step: print(*step, flush=True))\n"
    )
    command = [sys.executable, str(script), str(photos)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.getcwd()})
    run.stdout.readline()
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=20)  # ends only when the workers, which share the pipe, are gone as well
    prepare(photo_targets(photos))
    left = {name: digest for name, digest in digests(tmp_path).items() if not name.endswith(".tmp")}
    assert left == whole


def test_missing_and_empty_folders_are_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere.*does not exist; check the path"):
        prepare(photo_targets(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty.*holds no pictures; put"):
        prepare(anime_targets(tmp_path / "empty"))
    assert list(tmp_path.iterdir()) == [tmp_path / "empty"]


def test_target_that_cannot_be_written_is_one_line(photos):
    (photos.parent / "photo_l0").write_text("a file where the folder belongs")
    with pytest.raises(UserError, match=r"photo_l0.*cannot be written") as caught:
        prepare(photo_targets(photos))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("salt", [-0.1, 1.5])
def test_salt_outside_its_range_is_refused(anime, salt):
    with pytest.raises(UserError, match="salt"):
        anime_targets(anime, salt=salt)


def test_smooth_target_blurs_ink_and_keeps_flat_colour():
    image = np.full((32, 32, 3), 200, np.uint8)
    image[:, 16:] = 20
    smoothed = smooth_target(image, "any.png", salt=0.0)
    assert np.array_equal(smoothed[:, :10], image[:, :10])
    assert 20 < smoothed[16, 15, 0] < 200
