"""The layers of EPySeg's network, which both the reader of its files and the engine need.

It is a Linknet whose encoder is VGG16 (Aigouy et al., Development 147, dev194589, 2020). It predicts seven maps of an image
with one channel. The encoder has five blocks of 3x3 convolutions. Two convolutions and five decoder blocks follow; each
of these is a 1x1 convolution to a quarter of the channels, a 3x3 convolution, and a 1x1 convolution to the channels of
the encoder's block of that size. A 3x3 convolution to the maps is last. All widths follow from that of the first
convolution, which is 64 in EPySeg.

Arrays are named ``<layer>/kernel|bias`` and ``<layer>/gamma|beta|mean|variance``, with Keras's names of layers and axes; the
last convolution, which Keras numbers, is ``head``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAPS = (
    *("outlines", "wide outlines", "wider outlines", "inverted wide outlines", "inverted wider outlines"),
    *("seeds", "inverted seeds"),
)
"""What the maps show."""

WIDTH = 64
FIRST, HEAD = "block1_conv1", "head"

_BLOCKS = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))
"""Convolutions of each block of the encoder, and its width relative to the first block's."""


@dataclass(frozen=True)
class Convolution:
    """A convolution; `norm` names the batch normalisation after it, which replaces the bias."""

    name: str
    side: int
    entering: int
    leaving: int
    norm: str = ""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of its arrays."""
        kernel = {f"{self.name}/kernel": (self.side, self.side, self.entering, self.leaving)}
        if not self.norm:
            return {**kernel, f"{self.name}/bias": (self.leaving,)}
        return kernel | {f"{self.norm}/{part}": (self.leaving,) for part in ("gamma", "beta", "mean", "variance")}


def encoder(width: int) -> list[list[Convolution]]:
    """Return the convolutions of the encoder's blocks, whose first has `width` channels."""
    blocks, entering = [], 1
    for block, (count, factor) in enumerate(_BLOCKS, start=1):
        layers = []
        for number in range(1, count + 1):
            layers.append(Convolution(f"block{block}_conv{number}", 3, entering, factor * width))
            entering = factor * width
        blocks.append(layers)
    return blocks


def centre(width: int) -> list[Convolution]:
    """Return the convolutions between encoder and decoder."""
    deep = _BLOCKS[-1][1] * width
    return [Convolution(f"center_block{n}_conv", 3, deep, deep, f"center_block{n}_bn") for n in (1, 2)]


def decoder(width: int) -> list[list[Convolution]]:
    """Return the three convolutions of each block of the decoder."""
    blocks, entering = [], _BLOCKS[-1][1] * width
    for stage, leaving in enumerate([*(factor * width for _, factor in _BLOCKS[:0:-1]), width // 4]):
        narrow = entering // 4
        sizes = {"a": (1, entering, narrow), "b": (3, narrow, narrow), "c": (1, narrow, leaving)}
        name = f"decoder_stage{stage}"
        blocks.append([Convolution(f"{name}{part}_conv", *size, f"{name}{part}_bn") for part, size in sizes.items()])
        entering = leaving
    return blocks


def head(width: int) -> Convolution:
    """Return the last convolution."""
    return Convolution(HEAD, 3, width // 4, len(MAPS))


def convolutions(width: int = WIDTH) -> Iterator[Convolution]:
    """Yield all convolutions in the order of the model's layers in Keras."""
    for block in (*encoder(width), centre(width), *decoder(width)):
        yield from block
    yield head(width)
