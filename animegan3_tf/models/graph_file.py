"""A published graph as its file has it: nodes and constants by name, and the walk that reads them as operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from animegan3_tf.models.graph_operations import NHWC, Operation, Unreadable, Value, View, unknown

LARGEST = 1 << 30  # bytes of a file; the networks here take 16 MB at most
LARGEST_TEXT = "1 GiB"


@dataclass(frozen=True)
class Node:
    """One node.

    Attributes:
        op: The kind of node, as the file's format calls it.
        name: Its name in the file.
        inputs: Names of tensors, "" for one left out.
        attributes: Plain values and arrays.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)  # the type of each depends on the op


# a `Value` or None for each input of the node; a reader that gets one it cannot take raises, which `operations` reports
Inputs = Sequence[Any]
Reader = Callable[[Node, Inputs], Value]


@dataclass(frozen=True)
class GraphFile:
    """A graph.

    Attributes:
        kind: The kind of file, in words.
        nodes: The node that makes a tensor, by the tensor's name.
        constants: Arrays by name.
        photo: The name of the tensor that the photo goes into.
        output: The name of the tensor that comes out.
        readers: The function that reads each kind of node, by `Node.op`.
        files: All files of the graph.
    """

    kind: str
    nodes: Mapping[str, Node]
    constants: Mapping[str, np.ndarray]
    photo: str
    output: str
    readers: Mapping[str, Reader]
    files: tuple[Path, ...]

    def operations(self) -> tuple[Operation, list[str]]:
        """Reads the nodes that the output depends on.

        Returns:
            The operation that gives the image, and the names of stored numbers that it does not depend on. A node that
            cannot be read becomes an operation of kind "unknown".
        """
        tensors: dict[str, Value] = {self.photo: View(Operation("photo", name=self.photo), NHWC)}
        used = set()
        waiting = [self.output]
        while waiting:
            name = waiting[-1]
            if name in tensors or not name:
                waiting.pop()
            elif name in self.constants:
                used.add(name)
                tensors[waiting.pop()] = self.constants[name]
            elif name not in self.nodes:
                tensors[waiting.pop()] = unknown(name, "is used, but not defined", ())
            else:
                node = self.nodes[name]
                missing = [source for source in node.inputs if source and source not in tensors]
                if missing and missing[0] in waiting:
                    tensors[missing[0]] = unknown(missing[0], "depends on itself", ())
                elif missing:
                    waiting.append(missing[0])
                else:
                    tensors[waiting.pop()] = self._read(node, [tensors.get(source) for source in node.inputs])
        unused = [name for name, array in self.constants.items() if array.dtype.kind == "f" and array.ndim]
        output = tensors.get(self.output)
        if not isinstance(output, View):
            output = unknown(self.output, "gives numbers, not an image", ())
        return output.operation, sorted(set(unused) - used)

    def _read(self, node: Node, inputs: Inputs) -> Value:
        for view in inputs:  # the first that could not be read says why
            if isinstance(view, View) and view.operation.kind == "unknown" and view.labels is None:
                return view
        reader = self.readers.get(node.op)
        if reader is None:
            return unknown(node.name, f"is a {node.op}", tuple(inputs))
        try:
            return reader(node, inputs)
        except Unreadable as error:
            return unknown(node.name, f"({node.op}) {error}", tuple(inputs))
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            return unknown(node.name, f"({node.op}) cannot be read: {error}", tuple(inputs))
