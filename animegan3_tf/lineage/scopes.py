"""How TensorFlow 1's contrib.layers numbered the variables of a scope."""

from __future__ import annotations


def numbered(scope: str, kind: str, index: int) -> str:
    """`scope/Conv`, `scope/Conv_1`, `scope/Conv_2` for the indices 0, 1, 2."""
    return f"{scope}/{kind}{f'_{index}' if index else ''}"


def convolution(ours: str, scope: str, index: int) -> dict[str, str]:
    """{our name: theirs} of the kernel of the index-th convolution of a scope."""
    return {f"{ours}_conv/kernel": f"{numbered(scope, 'Conv', index)}/weights"}


def normalisation(ours: str, theirs: str) -> dict[str, str]:
    """{our name: theirs} of the gamma and beta of the normalisation in the scope `theirs`."""
    return {f"{ours}_norm/{role}": f"{theirs}/{role}" for role in ("gamma", "beta")}


def inverted_residual(ours: str, theirs: str, kind: str, bias: bool) -> dict[str, str]:
    """Names the weights of an inverted residual.

    Args:
        ours: The prefix of our names.
        theirs: The scope of the variables.
        kind: The name of its first normalisation, such as "LayerNorm".
        bias: Whether its depthwise convolution has a bias.

    Returns:
        {our name: theirs}.
    """
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
