"""How TensorFlow 1's contrib.layers numbered the variables of a scope."""


def numbered(scope, kind, index):
    """`scope/Conv`, `scope/Conv_1`, `scope/Conv_2` for the indices 0, 1, 2."""
    return f"{scope}/{kind}{f'_{index}' if index else ''}"


def convolution(ours, scope, index):
    """{our name: theirs} of the kernel of the index-th convolution of a scope."""
    return {f"{ours}_conv/kernel": f"{numbered(scope, 'Conv', index)}/weights"}


def normalisation(ours, theirs):
    """{our name: theirs} of the gamma and beta of a normalisation, whose scope is `theirs`."""
    return {f"{ours}_norm/{role}": f"{theirs}/{role}" for role in ("gamma", "beta")}


def inverted_residual(ours, theirs, kind, bias):
    """{our name: theirs} of an inverted residual in the scope `theirs`; kind: its first normalisation's name."""
    depthwise = f"{theirs}/{theirs.rpartition('/')[2]}"
    return {
        **convolution(f"{ours}_expand", theirs, 0),
        **normalisation(f"{ours}_expand", f"{theirs}/{kind}"),
        f"{ours}_depthwise_conv/kernel": f"{depthwise}/w",
        **({f"{ours}_depthwise_conv/bias": f"{depthwise}/bias"} if bias else {}),
        **normalisation(f"{ours}_depthwise", f"{theirs}/1"),
        **convolution(f"{ours}_project", theirs, 1),
        **normalisation(f"{ours}_project", f"{theirs}/2"),
    }
