import hashlib

import numpy as np
import pytest
from helpers.prepared_folders import picture

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import write_image
from animegan3_tf.data.prepare import apply_stage, open_record
from animegan3_tf.data.targets import Stage


def darker(rgb, name, by):
    return rgb - np.uint8(by)


def name_length(rgb, name):
    return np.full_like(rgb, len(name))


@pytest.fixture
def record(tmp_path):
    write_image(tmp_path / "a.png", picture(1))
    return open_record(tmp_path / "a.png", "more/a.png")


def stage(function, **parameters):
    return Stage(function.__name__, "source", "target", function, parameters)


def test_a_record_knows_its_source(record, tmp_path):
    assert record.sha256 == hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    np.testing.assert_array_equal(record.rgb, picture(1))
    assert not record.rgb.flags.writeable  # every stage gets the same array
    assert record.made == {}


def test_stages_add_to_a_record_and_leave_the_one_they_get_alone(record):
    first = apply_stage(record, stage(darker, by=3))
    second = apply_stage(first, stage(name_length))
    assert (list(record.made), list(first.made), list(second.made)) == ([], ["darker"], ["darker", "name_length"])
    np.testing.assert_array_equal(second.made["darker"], picture(1) - 3)
    assert (second.made["name_length"] == len("more/a.png")).all()
    np.testing.assert_array_equal(record.rgb, picture(1))


def test_a_stage_that_fails_is_named_with_the_picture(record):
    with pytest.raises(UserError, match=r"a\.png': darker failed, TypeError: .*'by'$") as caught:
        apply_stage(record, stage(darker))
    assert "\n" not in str(caught.value)
