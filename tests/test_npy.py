import io
import os
import zipfile

import numpy as np
import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.npy import read_npy_header, read_npz

SHAPES = {"1": (2, 3), "2": (4,)}
ARRAYS = {"1": np.arange(6.0).reshape(2, 3), "2": np.arange(4, dtype=np.float16)}


def stored(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def archive(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_wanted_arrays_are_read_in_float32_and_others_are_not(tmp_path, save):
    save(tmp_path / "a.npz", **ARRAYS, other=np.array([object], object))
    arrays = read_npz(tmp_path / "a.npz", SHAPES)
    assert arrays.keys() == SHAPES.keys()
    for name, array in arrays.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, ARRAYS[name])


def test_fortrans_order_and_foreign_bytes(tmp_path):
    np.savez(tmp_path / "a.npz", **{"1": np.asfortranarray(ARRAYS["1"].astype(">f8"))})
    np.testing.assert_array_equal(read_npz(tmp_path / "a.npz", {"1": (2, 3)})["1"], ARRAYS["1"])


def header(text):
    """An .npy file that declares what the text says, and holds nothing."""
    text = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


ODD = {
    "missing": ({}, r"array 1 is missing, expected \(2, 3\)"),
    "misshapen": ({"1.npy": stored(np.zeros(3))}, r"array 1 is \(3,\), expected \(2, 3\)"),
    "huge": (
        {"1.npy": header("{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000000,)}")},
        r"array 1 is \(10000000000000,\)",
    ),
    "objects": ({"1.npy": stored(np.full((2, 3), None))}, "array 1 is of object, expected numbers"),
    "texts": ({"1.npy": stored(np.full((2, 3), "a"))}, "array 1 is of <U1, expected numbers"),
    "cut": ({"1.npy": stored(ARRAYS["1"])[:-8]}, "."),
    "empty": ({"1.npy": b""}, "."),
    "no header": ({"1.npy": header("(")}, "its .npy header is damaged"),
    "minus": ({"1.npy": header("-" * 9000)}, "its .npy header is damaged"),
    "version": ({"1.npy": b"\x93NUMPY\x09\x00"}, "version"),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_arrays_are_refused(tmp_path, odd):
    members, words = ODD[odd]
    with pytest.raises(ValueError, match=words):
        read_npz(archive(tmp_path / "a.npz", members), SHAPES)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_numpy_does_not_write_are_not_undone(tmp_path, method):
    with pytest.raises(ValueError, match="array 1 is missing"):
        read_npz(archive(tmp_path / "a.npz", {"1.npy": stored(ARRAYS["1"])}, method), SHAPES)


def test_damaged_archives_are_refused(tmp_path):
    path = archive(tmp_path / "a.npz", {"1.npy": stored(ARRAYS["1"])}, zipfile.ZIP_DEFLATED)
    whole = path.read_bytes()
    entry = whole.index(b"PK\x01\x02")
    for data in (
        b"",
        stored(ARRAYS["1"]),
        whole[: len(whole) // 2],
        whole[:60] + bytes(20) + whole[80:],
        whole[: entry + 8] + b"\x01" + whole[entry + 9 :],  # says that it is encrypted
    ):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"."):
            read_npz(path, {"1": (2, 3)})


def test_what_is_no_file(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        read_npz(tmp_path, SHAPES)
    with pytest.raises(UserError, match="not a regular file"):
        read_npz(os.devnull, SHAPES)
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "none.npz", SHAPES)


def test_a_header_of_no_array():
    with pytest.raises(ValueError, match="magic"):
        read_npy_header(io.BytesIO(b"not an array"))
