"""Small studies, and people who answer them with preferences that are known."""

import itertools
import json
import math
import random

import numpy as np
import same_results
from PIL import Image

from animegan3_tf.study.build import Key
from animegan3_tf.study.design import Study, trials_of


def make_key(methods="ABCD", photos=10, kind="pairwise", questions=("overall",), items=24, repeats=3):
    """The key of a study without pictures: code `photo:method`."""
    names = [f"p{i}" for i in range(photos)]
    codes = {(photo, method): f"{photo}:{method}" for photo in names for method in methods}
    trials = trials_of(names, codes, list(methods), kind, random.Random(1))
    study = Study("0123456789ab", kind, tuple(questions), items, repeats, tuple(trials))
    pictures = {code: pair for pair, code in codes.items()}
    return Key(study, tuple(methods), {name: name for name in names}, pictures, 1)


def make_answers(key, seed, block, answer, language="en"):
    """What a rater's page saves, as a dict. answer(question, codes from left to right) -> code, None or ranking."""
    return {**same_results.make_answers(key.study, seed, block, answer), "language": language}


class Person:
    """Answers pairs by Davidson's model and rankings by Plackett and Luce's, with the log-odds `scores` of methods."""

    def __init__(self, key, scores, tie, rng):
        self.worth = {code: math.exp(scores[method]) for code, (_, method) in key.pictures.items()}
        self.kind, self.tie, self.rng = key.study.kind, tie, rng

    def __call__(self, question, codes):
        worth = [self.worth[code] for code in codes]
        if self.kind == "ranking":  # the order of arrival of exponential clocks
            times = self.rng.exponential(1 / np.array(worth))
            return [codes[i] for i in np.argsort(times)]
        odds = np.array([*worth, self.tie * math.sqrt(worth[0] * worth[1])])
        return [*codes, None][self.rng.choice(3, p=odds / odds.sum())]


def write_answers(folder, key, raters, scores, tie, seed):
    """Answer files of simulated raters, blocks in turn."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    person = Person(key, scores, tie, rng)
    for number, rater in enumerate(rng.choice(2**32, raters, replace=False)):
        saved = make_answers(key, int(rater), number % key.study.blocks, person)
        (folder / f"{number}.json").write_text(json.dumps(saved))


def preference(scores, tie, method):
    """The true share of comparisons with each other method, equally often, that a method wins, a tie counting half."""
    shares = []
    for other in set(scores) - {method}:
        win, loss = math.exp(scores[method]), math.exp(scores[other])
        draw = tie * math.sqrt(win * loss)
        shares.append((win + draw / 2) / (win + loss + draw))
    return sum(shares) / len(shares)


def write_method_pictures(folder, photos=("a", "b", "c"), methods=("zeta", "omega"), size=(48, 40)):
    """photos/ and a folder a method, all of other colours; returns {method: folder}."""
    shades = itertools.count(3)
    for name in ("photos", *methods):
        (folder / name).mkdir(parents=True)
        for photo in photos:
            level = 5 * next(shades) % 256
            Image.new("RGB", size, (level, 255 - level, 90)).save(folder / name / f"{photo}.png")
    return {method: folder / method for method in methods}
