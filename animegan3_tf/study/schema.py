"""What the JSON of a study may hold: the study in its page, its key, and a rater's answers.

Loaded where such JSON is read and not before, since Pydantic takes a while to load. A bound keeps what follows from a
file in proportion to the file; what it says beyond its form is checked by those who read it.
"""

from __future__ import annotations

from typing import Annotated, Literal, Optional, Union

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError, model_validator

from animegan3_tf.study.design import MOST_METHODS, MOST_RANKED

_Code = Annotated[str, Field(min_length=1, max_length=64)]
_Name = Annotated[str, Field(min_length=1, max_length=10_000)]
_Id = Annotated[str, Field(pattern="^[0-9a-f]{12}$")]  # files are named for it
_Question = Literal["overall", "style", "content"]
_Codes = Annotated[tuple[_Code, ...], Field(min_length=2, max_length=MOST_RANKED)]


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class StudyForm(_Form):
    """A `Study`."""

    id: _Id
    kind: Literal["pairwise", "ranking"]
    questions: Annotated[tuple[_Question, ...], Field(min_length=1)]
    items: PositiveInt
    repeats: NonNegativeInt
    trials: Annotated[tuple[tuple[_Code, _Codes], ...], Field(min_length=1)]
    post: Optional[Annotated[str, Field(max_length=2000)]]

    @model_validator(mode="after")
    def _check(self) -> StudyForm:
        if len(set(self.questions)) < len(self.questions):
            raise ValueError("a question comes twice")
        if not 3 * self.repeats <= self.items <= len(self.trials):
            raise ValueError("items and repeats do not fit the trials")
        if any(len(set(codes)) < len(codes) for _, codes in self.trials):
            raise ValueError("a trial shows a picture twice")
        counts = {len(codes) for _, codes in self.trials}
        if len(counts) > 1 or (self.kind == "pairwise" and counts != {2}):
            raise ValueError("a trial shows too many pictures, or too few")
        return self


class _Made(_Form):
    photo: _Name
    method: _Name


class KeyForm(_Form):
    """A `Key`."""

    study: StudyForm
    methods: Annotated[tuple[_Name, ...], Field(min_length=2, max_length=MOST_METHODS)]
    seed: int
    photos: dict[_Code, _Name]
    pictures: dict[_Code, _Made]

    @model_validator(mode="after")
    def _check(self) -> KeyForm:
        if sorted({made.method for made in self.pictures.values()}) != sorted(self.methods):
            raise ValueError("the methods are not those of the pictures")
        for photo, codes in self.study.trials:
            made = [self.pictures[code] for code in codes if code in self.pictures]
            named = {one.photo for one in made} == {self.photos.get(photo)}
            if not named or len({one.method for one in made}) < len(codes):
                raise ValueError("a trial shows pictures that are not of one photo and of as many methods")
        return self


class _Given(_Form):
    trial: NonNegativeInt
    pictures: _Codes
    answers: dict[str, Union[str, tuple[str, ...], None]]


class AnswersForm(_Form):
    """The answers of a rater, as the page saves and sends them."""

    study: _Code
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    block: NonNegativeInt
    language: Literal["en", "vi"]
    given: tuple[_Given, ...]


def what_is_wrong(error: ValidationError) -> str:
    """Says as a predicate that a text is not such JSON at all, or else what is wrong with its first wrong value."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid" or not first["loc"]:
        return "is not JSON of the page"
    place = ".".join(map(str, first["loc"]))[:80]  # a key may be as long as the file
    return f"is not what the page makes: {place}: {first['msg'].replace('Input should', 'must')}"
