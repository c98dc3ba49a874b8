import os
import platform
import subprocess
import sys

import pytest

NOTICE = "oneDNN custom operations are on"  # what TensorFlow says where it uses them
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


def python(code, **settings):
    """What a new process writes to stderr, with TensorFlow's notices."""
    environment = {name: value for name, value in os.environ.items() if name not in (ONEDNN, "TF_CPP_MIN_LOG_LEVEL")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**environment, **settings})
    return done.stderr


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the notice is that of x86")
@pytest.mark.parametrize(("settings", "on"), [({}, True), ({ONEDNN: "0"}, False)])
def test_onednn_is_on_unless_the_user_says_no(settings, on):
    assert (NOTICE in python("import animegan3_tf.common.images, tensorflow", **settings)) == on
