import json

import tensorflow as tf

from animegan3_tf.comparison.speed import describe_machine, peak_memory


def test_the_machine_is_described_in_plain_values():
    machine = describe_machine()
    assert json.loads(json.dumps(machine)) == machine
    assert machine["cores"] >= 1
    assert machine["tensorflow"] == tf.__version__


def test_peak_memory_is_in_bytes():
    """A process that imported TensorFlow has used over 64 MiB and less than 1 TiB."""
    assert 2**26 < peak_memory()["process_bytes"] < 2**40
