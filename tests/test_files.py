import os

import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import fcntl, only_process, regular_file, whole_file


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_the_file_appears_when_the_block_ends(tmp_path, kind):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file(kind(path)) as temporary:
        assert temporary.parent == tmp_path
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failed_block_leaves_the_old_file_and_no_other(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write():
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_block_that_fails_before_it_writes_passes_its_own_error_on(tmp_path):
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "a.txt"):
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_a_failed_rename_leaves_no_temporary_file(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OSError, match="directory"), whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert os.listdir(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").is_dir()


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with whole_file(tmp_path / "a.txt") as temporary:
            temporary.write_text("new")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_missing_folders_are_made(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with whole_file(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "a.txt"
    with whole_file(path) as first, whole_file(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # the outer block ends last
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.skipif(fcntl is None, reason="this system has no such locks")
def test_one_process_at_a_time_in_a_folder(tmp_path):
    with only_process(tmp_path), pytest.raises(BlockingIOError), only_process(tmp_path):
        pass
    with only_process(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_only_a_regular_file_may_be_opened(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "link").symlink_to("a.txt")
    assert regular_file(tmp_path / "link") == tmp_path / "link"
    with pytest.raises(UserError, match=f"^{str(tmp_path)!r} is a folder; name a file$"):
        regular_file(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        regular_file(tmp_path / "none")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_pipes_and_devices_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe\n")
    for path, name in ((tmp_path / "pipe\n", r"pipe\\n'"), (os.devnull, os.devnull)):
        with pytest.raises(UserError, match=rf"{name}'? is not a regular file; name a file$"):
            regular_file(path)
