import pytest
from helpers.tf1_files import golden_checkpoint, random_variables, read_checkpoint

from animegan3_tf.models.published import CHECKPOINTS, detect_architecture


@pytest.mark.parametrize("architecture", CHECKPOINTS)
def test_a_generation_is_recognised_by_its_variables(architecture):
    names = [*random_variables(architecture), "discriminator/conv/kernel", "global_step"]
    assert detect_architecture(names) == architecture
    first = names[0]
    assert detect_architecture(name for name in names if name != first) is None


@pytest.mark.parametrize("architecture", CHECKPOINTS)
def test_the_original_authors_variables_are_known(architecture):
    assert detect_architecture(read_checkpoint(golden_checkpoint(architecture))) == architecture
