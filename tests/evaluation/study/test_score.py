import csv
import io
import json
import math

import numpy as np
import pytest
from helpers.studies import make_answers, make_key

from animegan3_tf.common.errors import UserError
from animegan3_tf.reports.study import write_study_report
from animegan3_tf.study.score import score_files
from animegan3_tf.study.statistics import wilson_interval

KEY = make_key("AB", 4, items=4, repeats=1)


def of(method, key=KEY):
    """Always this method's picture."""
    return lambda _, codes: next(code for code in codes if key.pictures[code][1] == method)


def write(folder, *answers):
    folder.mkdir(exist_ok=True)
    for number, saved in enumerate(answers):
        (folder / f"{number}.json").write_text(saved if isinstance(saved, str) else json.dumps(saved))
    return [folder]


def test_three_of_four_raters_like_a(tmp_path):
    """12 first showings for A and 4 for B, 3 : 1, so the scores are +-log(3)/2; every repeat is answered alike."""
    raters = [make_answers(KEY, seed, 0, of("B" if seed == 3 else "A")) for seed in range(4)]
    result = score_files(KEY, write(tmp_path / "in", *raters))
    question = result.questions["overall"]
    np.testing.assert_allclose(question.scores.values, [math.log(3) / 2, -math.log(3) / 2])
    assert question.wins.tolist() == [[0, 12], [4, 0]]
    assert (question.rate(0).share, question.rate(1, 0).share, question.rate(0).of) == (0.75, 0.25, 16)
    assert (question.consistency.share, question.consistency.of) == (1.0, 4)
    # Of four raters three agree on each picture: 3 of 6 pairs
    share = sum(KEY.pictures[codes[0]][1] == "A" for _, codes in KEY.study.trials) / 4
    first = share * 0.75 + (1 - share) * 0.25
    chance = first**2 + (1 - first) ** 2
    assert question.kappa == pytest.approx((0.5 - chance) / (1 - chance))


def test_one_rater_gets_wilsons_own_interval(tmp_path):
    saved = make_answers(KEY, 5, 0, of("A"))
    saved["given"][1]["answers"]["overall"] = None
    saved["given"][2]["answers"]["overall"] = None
    rate = score_files(KEY, write(tmp_path / "in", saved)).questions["overall"].rate(0)
    counted = 4 - sum(1 for place in (1, 2) if saved["given"][place]["answers"]["overall"] is None) / 2
    assert (rate.low, rate.high) == pytest.approx(wilson_interval(rate.share * rate.of, rate.of))
    assert rate.share in (counted / 4, (counted + 0.5) / 4)  # one of the two may be the repeat


def test_ties_are_halves_and_repeats_count_for_consistency_alone(tmp_path):
    saved = make_answers(KEY, 1, 0, lambda *_: None)
    repeat = [one["trial"] for one in saved["given"]]
    place = next(i for i, trial in enumerate(repeat) if trial in repeat[:i])
    saved["given"][place]["answers"]["overall"] = saved["given"][place]["pictures"][0]
    question = score_files(KEY, write(tmp_path / "in", saved)).questions["overall"]
    assert question.ties.tolist() == [[0, 4], [4, 0]]
    assert question.wins.sum() == 0
    assert question.rate(0).share == 0.5
    assert question.consistency.share == 0.0
    assert (question.left.share, question.left.of) == (1.0, 1)


def test_always_the_left_one_is_neither_consistent_nor_a_preference(tmp_path):
    key = make_key("AB", 30, items=30, repeats=10)
    raters = [make_answers(key, seed, 0, lambda _, codes: codes[0]) for seed in range(20)]
    question = score_files(key, write(tmp_path / "in", *raters)).questions["overall"]
    assert (question.left.share, question.consistency.share) == (1.0, 0.0)
    assert 0.4 < question.rate(0).share < 0.6  # five standard deviations
    assert abs(question.kappa) < 0.1


def test_rankings_are_all_their_pairs(tmp_path):
    key = make_key("ABC", 3, "ranking", questions=("overall", "style"), items=3, repeats=1)

    def ranks(question, codes):
        return sorted(codes, key=lambda code: key.pictures[code][1], reverse=question == "style")

    result = score_files(key, write(tmp_path / "in", *(make_answers(key, seed, 0, ranks) for seed in range(2))))
    assert result.questions["overall"].wins.tolist() == [[0, 6, 6], [0, 0, 6], [0, 0, 0]]
    assert result.questions["style"].wins.tolist() == [[0, 0, 0], [6, 0, 0], [6, 6, 0]]
    assert result.questions["overall"].scores.stabilised
    assert [result.questions["style"].methods[i] for i in result.questions["style"].order()] == ["C", "B", "A"]
    assert result.questions["overall"].consistency.of == 2 * 3
    assert result.questions["overall"].left is None


def test_bad_files_are_named_and_left_out(tmp_path):
    good = make_answers(KEY, 1, 0, of("A"))
    folder = write(tmp_path / "in", good, good, "{", {**good, "study": "x"}, "[" * 2_000_000)
    paths = [*folder, tmp_path / "absent.json", *folder]  # twice the same is once
    result = score_files(KEY, paths)
    assert len(result.raters) == 1
    reasons = {path.rsplit("/", 1)[-1]: why for path, why in result.rejected.items()}
    assert reasons["1.json"].startswith("is of the same rater as")
    assert reasons["2.json"] == "is not JSON of the page"
    assert reasons["3.json"].startswith("answers study 'x'")
    assert reasons["4.json"] == "is over 1,000,000 bytes"
    assert "No such file" in reasons["absent.json"]
    with pytest.raises(UserError, match=r"no answers can be used: .*2\.json' is not JSON"):
        score_files(KEY, [tmp_path / "in" / "2.json"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"there are no \.json files"):
        score_files(KEY, [tmp_path / "empty"])


def test_the_report_is_the_same_in_every_form(tmp_path):
    key = make_key(["v3", "50%_off & <b>", "v1"], 5, questions=("overall", "content"), items=6, repeats=2)
    raters = [make_answers(key, seed, seed % key.study.blocks, lambda _, codes: codes[0]) for seed in range(9)]
    result = score_files(key, write(tmp_path / "in", *raters, "bad"))
    page = write_study_report(result, tmp_path / "report")
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report == json.loads(json.dumps(result.to_dict()))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "report" / "report.csv").read_text())))
    assert len(rows) == 6
    for row in rows:
        (other,) = [m for m in report["questions"][row["question"]]["methods"] if m["method"] == row["method"]]
        assert float(row["score"]) == pytest.approx(other["score"], abs=1e-6)
        assert int(row["wins"]) + int(row["ties"]) + int(row["losses"]) == int(row["comparisons"])
        assert float(row["preference_low"]) < float(row["preference"]) < float(row["preference_high"])
    latex = (tmp_path / "report" / "report.tex").read_text()
    assert r"50\%\_off \& \textless{}b\textgreater{}" in latex
    assert latex.count(r"\\") == 1 + 6
    html = page.read_text()
    assert "<b>" not in html
    assert "50%_off &amp; &lt;b&gt;" in html
    assert "9.json is not JSON" in html
    assert html.count("<figure>") == 4
