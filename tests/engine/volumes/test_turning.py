"""The 3D view of cells."""

from __future__ import annotations

import numpy as np

from epifiji.engine.volumes.turning import turning_view
from epifiji.files.labels import label_colours

COLOURS = label_colours().T


def hue(pixels: np.ndarray) -> np.ndarray:
    """Colours without their brightness."""
    values = pixels.astype(float)
    return values / np.maximum(values.max(-1, keepdims=True), 1)


def test_the_first_picture_shows_the_first_plane_and_half_a_turn_the_last_mirrored() -> None:
    labels = np.zeros((12, 30, 40), int)
    # Pixels of so small volumes are enlarged three times.
    # In front: 1 on the left, 2 on the right; behind: 3 on the left, 4 on the right.
    labels[2:6, 5:25, 5:20], labels[2:6, 5:25, 20:35], labels[6:10, 5:25, 5:20], labels[6:10, 5:25, 20:35] = 1, 2, 3, 4
    pictures = list(turning_view(labels, (1, 1, 1), COLOURS, 4))
    assert len({picture.shape for picture in pictures}) == 1
    height, width = pictures[0].shape[:2]

    def seen(picture: np.ndarray, across: float) -> int:
        """The label that has the colour of a point."""
        point = hue(picture[height // 2, int(width / 2 + 3 * across)])
        return 1 + int(np.abs(hue(COLOURS[1:5]) - point).sum(1).argmin())

    front, side, back, other = pictures
    assert [seen(front, -8), seen(front, 8)] == [1, 2]
    assert [seen(back, -8), seen(back, 8)] == [4, 3]
    assert {seen(side, -2), seen(side, 2)} | {seen(other, -2), seen(other, 2)} == {1, 2, 3, 4}
    # 30 wide from the front, 8 from the side, and without gaps; a point is two pixels wide.
    assert np.count_nonzero(front[height // 2].any(-1)) == 3 * 30 + 1
    assert np.count_nonzero(side[height // 2].any(-1)) == 3 * 8 + 1
    # The line between both cells is dark, and the upper left side is lit.
    middle = front[height // 2].astype(int).max(-1)
    assert middle[width // 2] < 0.6 * middle[width // 2 - 24]


def test_a_sphere_is_round_whatever_its_voxels() -> None:
    z, y, x = np.indices((17, 49, 49)) - np.array([8, 24, 24])[:, None, None, None]
    ball = ((3 * z) ** 2 + y**2 + x**2 < 20**2).astype(int)
    for picture in turning_view(ball, (3, 1, 1), COLOURS, 3):
        rows, columns = (np.count_nonzero(picture.any(-1).any(axis)) for axis in (1, 0))
        assert abs(rows - 120) <= 4
        assert abs(columns - 120) <= 10
        assert abs(np.count_nonzero(picture.any(-1)) / (np.pi * 60**2) - 1) < 0.2


def test_large_volumes_give_small_pictures() -> None:
    labels = np.zeros((4, 500, 300), int)
    labels[:, 10:490, 10:290] = 300
    (picture,) = turning_view(labels, (1, 1, 1), COLOURS, 1)
    assert max(picture.shape) < 240
    shown = hue(picture[picture.shape[0] // 2, picture.shape[1] // 2])
    assert np.allclose(shown, hue(COLOURS[1 + 299 % 255]), atol=0.02)
