from pathlib import Path

import numpy as np
import pytest

from animegan3_tf.comparison import speed
from animegan3_tf.comparison.memory import Memory, measure_memory
from animegan3_tf.comparison.method import Method
from animegan3_tf.comparison.speed import Timing, time_methods
from animegan3_tf.stylizer.model import Stylizer

PHOTO = np.zeros((40, 40, 3), np.uint8)


def fitting(*methods, sizes=((32, 32), (64, 64), (16, 32))):
    """Memories of methods which all have room for what they take."""
    return {m.name: Memory(1, {size: 1 for size in sizes if m.takes(size)}) for m in methods if m.stylizer}


def method(name, seen=None, **options):
    def forward(photo):
        if seen is not None:
            seen.append((name, photo.shape, photo.dtype))
        return photo

    return Method(name, Path(name), "weights", Path(name), Stylizer(forward, **options))


def test_the_ratio_is_taken_round_by_round(monkeypatch):
    """Medians alone would give 30 / 20 = 1.5."""
    seconds = {"a": (0.010, 0.020, 0.040), "b": (0.030, 0.030, 0.040)}
    monkeypatch.setattr(speed, "take_turns", lambda calls, *_: {name: Timing(seconds[name]) for name in calls})
    methods = [method("a"), method("b")]
    found = time_methods(methods, PHOTO, [(32, 32)], 3, fitting(*methods))
    assert found["b"][32, 32].ratio == pytest.approx((1.5, 1.0, 3.0))
    assert found["a"][32, 32].ratio == (1.0, 1.0, 1.0)
    timing = found["b"][32, 32].to_dict()
    assert (timing["ms"], timing["ms_low"], timing["ms_high"]) == (30.0, 30.0, 40.0)
    assert timing["ratio"] == {"to": "a", "median": pytest.approx(1.5), "low": 1.0, "high": pytest.approx(3.0)}


def test_all_run_once_untimed_and_then_in_turns_on_one_picture():
    seen, calls = [], []
    methods = [method("a", seen), method("b", seen)]
    time_methods(methods, PHOTO, [(16, 32)], 2, fitting(*methods), lambda *done: calls.append(done))
    assert calls[0] == (1, 6, "a")
    assert calls[-1] == (6, 6, "a")
    assert "".join(name for name, _, _ in seen) == "ab" + "abba"
    assert {(shape, dtype) for _, shape, dtype in seen} == {((1, 16, 32, 3), np.dtype(np.float32))}


def test_sizes_that_a_method_does_not_take_are_left_out_and_the_next_is_the_first():
    fixed, other = method("fixed", fixed_size=(64, 64)), method("a")
    pictures = Method("pictures", Path("p"), "pictures", Path("p"))
    methods = [fixed, other, pictures]
    found = time_methods(methods, PHOTO, [(32, 32), (64, 64)], 1, fitting(*methods))
    assert list(found["fixed"]) == [(64, 64)]
    assert found["pictures"] == {}
    assert found["a"][32, 32].reference == "a"
    assert found["a"][64, 64].reference == "fixed"


def test_what_did_not_fit_in_a_process_of_its_own_is_not_tried():
    seen = []
    large = method("large", seen)
    memories = {"large": Memory(1, {(32, 32): 1}, failed="it ended with status -9")}
    assert list(time_methods([large], PHOTO, [(32, 32), (64, 64)], 1, memories)["large"]) == [(32, 32)]
    assert {shape for _, shape, _ in seen} == {(1, 32, 32, 3)}


def test_a_picture_is_timed_in_one_piece():
    whole = []
    tiled = method("tiled", whole=lambda photo: whole.append(photo.shape))
    time_methods([tiled], PHOTO, [(32, 32)], 1, fitting(tiled))
    assert len(whole) == 2


@pytest.mark.slow
def test_memory_is_that_of_a_process_which_loads_the_model_and_grows_with_the_picture(made):
    own = Method("negative", made, "TFLite", made / "negative.tflite", Stylizer(None, fixed_size=(64, 64)))
    run = Method("run", made, "run", made / "run", Stylizer(None))
    lost = Method("lost", made, "weights", made / "none.h5", Stylizer(None))
    pictures = Method("pictures", made, "pictures", made)
    found = measure_memory([own, run, lost, pictures], [(512, 512), (64, 64), (256, 256)])
    assert list(found) == ["negative", "run", "lost"]
    assert list(found["negative"].peaks) == [(64, 64)]
    small, large = (found["run"].peaks[side, side] for side in (64, 512))
    assert 100e6 < found["run"].loaded <= small < large - 20e6  # a 512x512 picture has 32 channels of 1 MB, twice
    assert (found["run"].failed, found["negative"].failed) == ("", "")
    assert (found["lost"].loaded, found["lost"].peaks) == (None, {})
    assert "none.h5" in found["lost"].failed
