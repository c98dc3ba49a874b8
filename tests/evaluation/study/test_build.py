import base64
import io
import json
import re

import numpy as np
import pytest
from helpers.studies import write_method_pictures
from PIL import Image

from animegan3_tf.common.errors import UserError
from animegan3_tf.study.build import Key, build_study, key_path, read_study


@pytest.fixture
def methods(tmp_path):
    return write_method_pictures(tmp_path)


def build(tmp_path, methods, name="study.html", seed=3, **options):
    return build_study(tmp_path / "photos", methods, tmp_path / name, seed, **options)


def embedded(html):
    """{code: uint8 picture}."""
    found = json.loads(re.search(rb'id="pictures">(.*?)</script>', html).group(1))
    return {
        code: np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,")))))
        for code, uri in found.items()
    }


def test_the_page_names_no_method_and_no_file(tmp_path, methods):
    built = build(tmp_path, methods)
    html = built.page.read_bytes()
    assert not [word for word in (b"zeta", b"omega", str(tmp_path).encode(), b"Exif", b"/photos") if word in html]
    assert b"zeta" in built.key.read_bytes()
    assert built.bytes == len(html)


def test_codes_and_their_order_say_nothing_of_methods(tmp_path):
    """Nothing in the page, its order included, tells the two methods apart better than guessing."""
    photos = [f"p{i}" for i in range(60)]
    built = build(tmp_path, write_method_pictures(tmp_path, photos, size=(8, 8)))
    key = Key.read(built.page)
    order = [key.pictures[code][1] for code in embedded(built.page.read_bytes()) if code in key.pictures]
    first = order[:60].count("zeta")
    assert 10 < first < 50  # five standard deviations
    assert sorted(order) == ["omega"] * 60 + ["zeta"] * 60


def test_the_key_opens_every_code(tmp_path, methods):
    built = build(tmp_path, methods)
    key, pictures = Key.read(built.page), embedded(built.page.read_bytes())
    assert key == Key.read(built.key)
    assert key.study == read_study(built.page)[0] == built.study
    assert key.methods == ("zeta", "omega")
    assert key.photos.keys() | key.pictures.keys() == pictures.keys()
    for photo, codes in key.study.trials:
        assert {key.pictures[code] for code in codes} == {(key.photos[photo], m) for m in ("zeta", "omega")}
    for code, (photo, method) in key.pictures.items():
        original = np.asarray(Image.open(methods[method] / f"{photo}.png"))
        assert np.abs(pictures[code].astype(int) - original).max() <= 4  # JPEG


def test_pictures_get_their_photos_size_and_the_side(tmp_path, methods):
    Image.new("RGB", (96, 80)).save(methods["zeta"] / "a.png")  # twice as large, as an upscaler makes them
    Image.new("RGB", (48, 41)).save(methods["omega"] / "b.png")  # padded
    full, small = build(tmp_path, methods), build(tmp_path, methods, "small.html", side=64)
    assert {picture.shape for picture in embedded(full.page.read_bytes()).values()} == {(40, 48, 3)}
    assert {picture.shape for picture in embedded(small.page.read_bytes()).values()} == {(40, 48, 3)}
    Image.new("RGB", (480, 400)).save(tmp_path / "photos" / "a.png")
    large = embedded(build(tmp_path, methods, "large.html", side=120).page.read_bytes())
    assert {picture.shape for picture in large.values()} == {(40, 48, 3), (100, 120, 3)}


def test_a_seed_gives_the_same_bytes_and_another_another_study(tmp_path, methods):
    one, same, other = (
        build(tmp_path, methods, name, seed) for name, seed in (("1.html", 3), ("2.html", 3), ("3.html", 4))
    )
    assert one.page.read_bytes() == same.page.read_bytes()
    assert one.key.read_bytes() == same.key.read_bytes()
    assert one.study.id != other.study.id


def test_an_earlier_study_is_kept(tmp_path, methods):
    built = build(tmp_path, methods)
    built.page.unlink()
    with pytest.raises(UserError, match="--overwrite"):
        build(tmp_path, methods, seed=4)
    assert build(tmp_path, methods, seed=4, overwrite=True).study.id != built.study.id


def test_missing_pictures_are_named(tmp_path, methods):
    (methods["zeta"] / "b.png").unlink()
    (methods["omega"] / "c.png").unlink()
    with pytest.raises(UserError, match="pictures are missing: 'zeta' of b, 'omega' of c; make them"):
        build(tmp_path, methods)
    assert not key_path(tmp_path / "study.html").exists()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"kind": "stars"}, "--kind 'stars' is not one of pairwise, ranking"),
        ({"questions": ("overall", "beauty")}, "--questions 'overall,beauty'"),
        ({"questions": ("style", "style")}, "each once"),
        ({"side": 10}, "--side 10"),
        ({"items": 4}, "--items 4 is not between 1 and the 3 trials"),
        ({"post": "javascript:alert(1)"}, "--post 'javascript:alert"),
        ({"post": "http://host/;script-src *"}, None),  # the path is no part of the policy
        ({"post": "http://host; script-src *"}, "is not an address"),
        ({"post": "http://["}, "is not an address"),
        ({"post": ""}, "is not an address"),
    ],
)
def test_arguments_are_checked(tmp_path, methods, options, why):
    if why is None:
        assert b"connect-src http://host;" in build(tmp_path, methods, **options).page.read_bytes()
        return
    with pytest.raises(UserError, match=re.escape(why)):
        build(tmp_path, methods, **options)


def test_pictures_that_do_not_fit_are_named(tmp_path, methods):
    Image.new("RGB", (48, 30)).save(methods["omega"] / "b.png")
    with pytest.raises(UserError, match=r"b\.png' is 48x30, its photo 48x40"):
        build(tmp_path, methods)
    (tmp_path / "photos" / "b.jpg").write_bytes((tmp_path / "photos" / "b.png").read_bytes())
    with pytest.raises(UserError, match=r"--photos has two pictures named 'b' \(.jpg, .png\)"):
        build(tmp_path, methods)


def test_too_few_and_too_many_methods(tmp_path, methods):
    with pytest.raises(UserError, match="two or more"):
        build(tmp_path, {"zeta": methods["zeta"]})
    with pytest.raises(UserError, match="too many to rank"):
        build(tmp_path, {f"m{i}": methods["zeta"] for i in range(7)}, kind="ranking")


@pytest.mark.parametrize("text", ["", "[]", '{"study": {}}'])
def test_what_is_no_key_or_page_is_told(tmp_path, text):
    for name in ("x.key.json", "x.html"):
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match="is not the key of a study"):
        Key.read(tmp_path / "x.html")
    with pytest.raises(UserError, match="is not the page of a study"):
        read_study(tmp_path / "x.html")
    with pytest.raises(UserError, match="does not exist"):
        Key.read(tmp_path / "y.html")
