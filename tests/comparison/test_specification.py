from pathlib import Path

import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.comparison.inputs import Specification, parse_models


def test_a_name_a_path_and_where_needed_a_generation():
    found = parse_models(["v3=runs/a=b", " Ours (40k) = x.h5", "v2=animegan2:C:\\g.ckpt", "odd=animegan4:x"])
    assert found == [
        Specification("v3", Path("runs/a=b")),
        Specification("Ours (40k)", Path(" x.h5")),
        Specification("v2", Path("C:\\g.ckpt"), "animegan2"),
        Specification("odd", Path("animegan4:x")),
    ]


def test_a_name_may_be_of_any_script():
    assert parse_models(["được=a"])[0].name == "được"


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["v3"], "--model 'v3' is not NAME=PATH; write --model v3=runs/shinkai"),
        (["=x"], "is not NAME=PATH"),
        (["v3="], "is not NAME=PATH"),
        (["<b>=x"], "'<b>' cannot name a method"),
        (["a/b=x"], "'a/b' cannot name a method"),
        (["a\nb=x"], "cannot name a method"),
        (["_a=x"], "cannot name a method"),
        ([f"{'a' * 41}=x"], "cannot name a method"),
        (["Photo=x"], "cannot name a method"),
        (["v3=a", "V3=b"], "--model 'V3' is given twice"),
        ([], "no --model is given"),
    ],
)
def test_what_names_no_method_is_refused_in_a_line(texts, words):
    with pytest.raises(UserError) as error:
        parse_models(texts)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
