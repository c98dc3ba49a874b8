import copy
import json

import pytest
from helpers.studies import make_answers, make_key

from animegan3_tf.study.answers import AnswersError, read_answers

KEY = make_key("AB", 6, questions=("overall", "style"), items=6, repeats=2)
TOLD = make_answers(KEY, 99, 0, lambda question, codes: codes[0] if question == "style" else None)


def changed(**values):
    return {**copy.deepcopy(TOLD), **values}


def first_answer(**values):
    saved = changed()
    saved["given"][0].update(values)
    return saved


def test_answers_of_the_page_are_read():
    answers = read_answers(json.dumps(TOLD), KEY.study)
    assert (answers.rater, answers.language, len(answers.given)) == ("0-00000063", "en", 8)
    shown, given = answers.given[0]
    assert given == {"overall": None, "style": shown.pictures[0]}


@pytest.mark.parametrize(
    ("saved", "why"),
    [
        ([], "is not JSON of the page"),
        (changed(study="another"), "answers study 'another'"),
        (changed(seed=-1), "seed: must be greater than or equal to 0"),
        (changed(seed=2**32), "seed: must be less than 4294967296"),
        (changed(seed=True), "seed: must be a valid integer"),
        (changed(seed=98), "shows other pictures in answer 1"),
        (changed(block=1), "no block from 0 to 0"),
        (changed(block=10**400), "no block"),
        (changed(language="<b>"), "language: must be 'en' or 'vi'"),
        (changed(note="x"), "note: Extra inputs are not permitted"),
        (changed(given=TOLD["given"][:-1]), "7 of 8 answers"),
        (changed(given=[None] * 8), "given.0: must be an object"),
        (first_answer(answers={"overall": None}), "does not answer the study's questions"),
        (first_answer(answers={"overall": None, "style": None, "more": None}), "does not answer the study's questions"),
        (first_answer(answers={"overall": "p0:C", "style": None}), "no such picture"),
        (first_answer(answers={"overall": ["p0:A"], "style": None}), "no such picture"),
        (first_answer(answers={"overall": 0, "style": None}), "must be a valid string"),
        (first_answer(trial=TOLD["given"][1]["trial"]), "shows other pictures in answer 1"),
        (first_answer(pictures=TOLD["given"][0]["pictures"][::-1]), "shows other pictures in answer 1"),
    ],
)
def test_what_the_page_would_not_make_is_refused(saved, why):
    with pytest.raises(AnswersError, match=why):
        read_answers(json.dumps(saved), KEY.study)


@pytest.mark.parametrize("text", ["", "{", "\udcff", b"\xff\xfe{}", "[" * 100_000])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(AnswersError, match="is not JSON"):
        read_answers(text, KEY.study)


@pytest.mark.parametrize(
    "ranking", [None, "p0:A", ["p0:A"], ["p0:A", "p0:A", "p0:B"], ["p0:A", "p0:B", "p0:C", "p0:C"]]
)
def test_a_ranking_holds_every_picture_once(ranking):
    key = make_key("ABC", 1, "ranking", items=1, repeats=0)
    assert read_answers(json.dumps(make_answers(key, 1, 0, lambda _, codes: sorted(codes))), key.study)
    with pytest.raises(AnswersError, match="no such picture"):
        read_answers(json.dumps(make_answers(key, 1, 0, lambda _, codes: ranking)), key.study)
