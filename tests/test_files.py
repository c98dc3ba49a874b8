import os
import subprocess
import sys
from pathlib import Path

import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import fcntl, only_process, read_json, regular_file, whole_file, work_folder


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


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (b'{"a": [1, 2.5, null, "\xc3\xa4"]}', {"a": [1, 2.5, None, "\u00e4"]}),
        (b"\xef\xbb\xbf[true]", [True]),  # with the mark that some editors put first
        (b"[" * 101 + b"]" * 101, None),  # an empty list in a hundred others
    ],
)
def test_json_is_read_as_it_is(tmp_path, text, values):
    path = tmp_path / "a.json"
    path.write_bytes(text)
    read = read_json(path)
    for _ in range(100 if values is None else 0):
        (read,) = read
    assert read == ([] if values is None else values)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[" * 100_000, "it is nested over 100 levels deep"),
        (b"[" * 102 + b"]" * 102, "it is nested over 100 levels deep"),
        (b'{"a":' * 102 + b"1" + b"}" * 102, "it is nested over 100 levels deep"),
        (b"", "Expecting value"),
        (b'{"a": 1', "delimiter"),
        (b'"\xff"', "can't decode byte 0xff"),
        (b"1" * 200, "it has more than 199 bytes"),
    ],
)
def test_what_is_no_json_for_this_package_is_refused_in_one_line(tmp_path, text, reason):
    path = tmp_path / "a.json"
    path.write_bytes(text)
    with pytest.raises(UserError) as refused:
        read_json(path, 199 if len(text) == 200 else 1 << 20)
    line = str(refused.value)
    assert line.startswith(f"{str(path)!r} cannot be read: ")
    assert reason in line
    assert "\n" not in line


def test_json_is_not_waited_for_in_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="is not a regular file; name a file"):
        read_json(tmp_path / "pipe")


def test_json_that_is_not_there_is_told_from_json_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "a.json")
    with pytest.raises(UserError, match=r"'/dev/null/a\.json' cannot be read: Not a directory"):
        read_json("/dev/null/a.json")


WRITE = "f = whole_file('b.txt'); f.__enter__().write_text('b'); f.__exit__(*[None] * 3)"
needs_locks = pytest.mark.skipif(fcntl is None, reason="needs POSIX locks")


def in_another_process(code, folder):
    """Runs a line of code in a folder: the exit status, negative for a signal."""
    lines = "import os; from animegan3_tf.common.files import whole_file, work_folder; "
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", lines + code], cwd=folder, env=environment, check=False).returncode


@needs_locks
def test_the_next_writer_removes_what_a_killed_one_left(tmp_path):
    killed = "f = whole_file('a.txt'); f.__enter__().write_text('half'); os.kill(os.getpid(), 9)"
    assert in_another_process(killed, tmp_path) == -9
    (left,) = os.listdir(tmp_path)
    assert left.endswith(".tmp")
    assert in_another_process(WRITE, tmp_path) == 0
    assert os.listdir(tmp_path) == ["b.txt"]


@needs_locks
def test_a_file_that_another_process_writes_is_no_leftover(tmp_path):
    with whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("a")
        assert in_another_process(WRITE, tmp_path) == 0
        assert temporary.exists()
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.txt"]


@needs_locks
def test_a_folder_that_is_locked_for_long_is_written_into_and_not_swept(tmp_path):
    left = tmp_path / f".{'0' * 32}.tmp"
    left.touch()
    with only_process(tmp_path), whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("a")
    assert sorted(os.listdir(tmp_path)) == [left.name, "a.txt"]


def test_a_work_folder_is_there_for_the_block(tmp_path):
    with work_folder(tmp_path, ".x-") as folder:
        assert folder.parent == tmp_path
        (folder / "deep").mkdir()
    assert os.listdir(tmp_path) == []


@needs_locks
def test_a_killed_processs_work_folder_goes_and_a_living_ones_stays(tmp_path):
    assert in_another_process("w = work_folder('.', '.x-'); w.__enter__(); os.kill(os.getpid(), 9)", tmp_path) == -9
    for name in (".x-by-hand", ".x-12345678.txt"):  # not as work folders are named
        (tmp_path / name).mkdir()
    (left,) = (name for name in os.listdir(tmp_path) if len(name) == len(".x-12345678"))
    with work_folder(tmp_path, ".x-") as living:
        assert left not in os.listdir(tmp_path)
        assert in_another_process("w = work_folder('.', '.x-'); w.__enter__(); w.__exit__(*[None] * 3)", tmp_path) == 0
        assert living.is_dir()
    assert sorted(os.listdir(tmp_path)) == [".x-12345678.txt", ".x-by-hand"]
