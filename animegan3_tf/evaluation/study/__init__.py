"""A blind user study: one page that raters fill in, a server that collects their answers, and the scores.

No TensorFlow is needed here. `build.build_study` makes the page and its key, `serve.serve` hands the page out,
`score.score` turns answers into numbers.
"""
