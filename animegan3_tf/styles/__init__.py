"""A style is data: a .toml file here, or a user's own, read into a `Style`."""

from animegan3_tf.styles.style import Style, available_styles, load_style, override

__all__ = ["Style", "available_styles", "load_style", "override"]
