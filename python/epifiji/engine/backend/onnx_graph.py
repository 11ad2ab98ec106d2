"""Graphs in ONNX, the format of runtimes for trained networks, written without the package of that name.

A graph is a protocol buffer: fields of a number and a type, one after the other. The numbers are those of ``onnx.proto``
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); only what the networks need is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

OPSET = 18
IR_VERSION = 9
"""Of 2023, so runtimes that are some years old can read it."""

TYPES = {np.dtype(np.float32): 1, np.dtype(np.int64): 7, np.dtype(np.float64): 11}
"""ONNX's numbers of the types of arrays."""

SINGLE, DOUBLE = TYPES[np.dtype(np.float32)], TYPES[np.dtype(np.float64)]

Shape = Sequence[int | str]
"""The sides of an array; those that may have any size have a name."""


class OnnxGraph:
    """Collects nodes and constants; a value is the name of a node's output. The version of the operations is `OPSET`."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._numbers = count()
        self._made: dict[tuple[Any, ...], str] = {}

    def add(self, operation: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        """Add a node with one output; attributes are whole numbers, lists of them, or texts."""
        output = name or f"{operation.lower()}_{next(self._numbers)}"
        fields = [*(_text(1, one) for one in inputs), _text(2, output), _text(3, output), _text(4, operation)]
        fields += [_bytes(5, _attribute(key, value)) for key, value in attributes.items()]
        self._nodes.append(b"".join(fields))
        return output

    def constant(self, values: Any, dtype: type = np.float32, name: str = "") -> str:
        """Add an array; a nameless one of the same values as an earlier one is that one."""
        array: np.ndarray = np.asarray(values, dtype, order="C")
        key = array.dtype, array.shape, array.tobytes()
        if not name and key in self._made:
            return self._made[key]
        output = name or f"constant_{next(self._numbers)}"
        if not name:
            self._made[key] = output
        raw = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        fields = [*(_number(1, side) for side in array.shape), _number(2, TYPES[array.dtype]), _text(8, output)]
        self._constants.append(b"".join([*fields, _bytes(9, raw)]))
        return output

    def whole(self, *numbers: int) -> str:
        """Add whole numbers as an array of one axis."""
        return self.constant(numbers, np.int64)

    def number(self, value: int) -> str:
        """Add a whole number."""
        return self.constant(np.array(value), np.int64)

    def model(
        self,
        name: str,
        inputs: Mapping[str, tuple[int, Shape]],
        outputs: Mapping[str, tuple[int, Shape]],
        description: str = "",
        facts: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the graph as a model.

        Parameters
        ----------
        inputs, outputs
            The type (`SINGLE`, `DOUBLE`) and the shape of each.
        description, facts
            Words for people, and entries for programs.
        """
        graph = [*(_bytes(1, node) for node in self._nodes), _text(2, name)]
        graph += [_bytes(5, constant) for constant in self._constants]
        graph += [_bytes(11, _value(*one)) for one in inputs.items()]
        graph += [_bytes(12, _value(*one)) for one in outputs.items()]
        fields = [_number(1, IR_VERSION), _text(2, "epifiji"), _text(6, description), _bytes(7, b"".join(graph))]
        fields.append(_bytes(8, _text(1, "") + _number(2, OPSET)))
        fields += [_bytes(14, _text(1, key) + _text(2, value)) for key, value in (facts or {}).items()]
        return b"".join(fields)


def _value(name: str, kind: tuple[int, Shape]) -> bytes:
    """Encode the name, type and shape of an input or output (ValueInfoProto)."""
    sides = [_text(2, side) if isinstance(side, str) else _number(1, side) for side in kind[1]]
    shape = b"".join(_bytes(1, side) for side in sides)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind[0]) + _bytes(2, shape)))


def _attribute(name: str, value: int | str | Sequence[int]) -> bytes:
    """Encode an attribute of a node (AttributeProto)."""
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, 3)
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)
    return _text(1, name) + b"".join(_number(8, one) for one in value) + _number(20, 7)


def _varint(value: int) -> bytes:
    """Encode a whole number from 0 in groups of seven bits, the lowest first; each but the last has the eighth bit set."""
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def _number(field: int, value: int) -> bytes:
    """Encode a field with a whole number; a negative one is that plus two to the power of 64."""
    return _varint(field << 3) + _varint(value % 2**64)


def _bytes(field: int, value: bytes) -> bytes:
    """Encode a field with bytes."""
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    """Encode a field with a text."""
    return _bytes(field, value.encode())
