from animegan3_tf.styles import available_styles, load_style
from animegan3_tf.styles.style import toml_of


def test_every_bundled_style_is_the_same_read_from_its_text(tmp_path):
    for name in available_styles():
        style = load_style(name)
        (tmp_path / "again.toml").write_text(toml_of(style), encoding="utf-8")
        assert load_style(tmp_path / "again.toml") == style
