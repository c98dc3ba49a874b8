"""A blind user study: one page that raters fill in, a server that collects their answers, and the scores.

`build.build_study` makes the page and its key, `serve.serve` serves the page, `score.score` turns answers into
numbers. TensorFlow is not needed.
"""
