import json
import re
from importlib.resources import files
from typing import get_args

from animegan3_tf.study.design import KINDS, QUESTIONS
from animegan3_tf.study.schema import AnswersForm, StudyForm

TEXTS = json.loads((files("animegan3_tf.study") / "texts.json").read_text(encoding="utf-8"))


def flat(texts, path=()):
    if isinstance(texts, str):
        return {path: texts}
    return {key: text for name, value in texts.items() for key, text in flat(value, (*path, name)).items()}


def test_every_language_says_the_same_things():
    """The same texts, with the same values in them, none left in English."""
    assert tuple(TEXTS) == get_args(AnswersForm.model_fields["language"].annotation)
    english, vietnamese = (flat(TEXTS[language]) for language in ("en", "vi"))
    assert english.keys() == vietnamese.keys()
    for path, text in english.items():
        other = vietnamese[path]
        assert sorted(re.findall(r"\{\w+\}", other)) == sorted(re.findall(r"\{\w+\}", text)), path
        assert other != text, path


def test_every_kind_of_question_has_its_words():
    for kind in KINDS:
        assert tuple(TEXTS["en"]["question"][kind]) == QUESTIONS


def test_files_are_read_that_name_them():
    assert get_args(StudyForm.model_fields["kind"].annotation) == KINDS
    (questions, _) = get_args(StudyForm.model_fields["questions"].annotation)
    assert get_args(questions) == QUESTIONS
