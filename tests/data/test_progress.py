"""Progress of a computation in parts."""

from __future__ import annotations

import pytest

from epifiji.data.progress import PartReport


def test_parts_report_the_progress_of_the_whole() -> None:
    reported: list[tuple[float, str]] = []

    def whole(done: float, doing: str) -> None:
        reported.append((done, doing))

    for number in range(4):
        PartReport(whole, number, 4)(0.5, "looking")
    assert [done for done, _ in reported] == pytest.approx([0.125, 0.375, 0.625, 0.875])
    PartReport(whole, 1, 2, "net, wing: ", " in vain")(1, "looking")
    assert reported[-1] == (1, "net, wing: looking in vain")


def test_parts_have_parts_of_their_own() -> None:
    reported: list[float] = []
    outer = PartReport(lambda done, doing: reported.append(done), 1, 2)
    PartReport(outer, 2, 4)(0.5, "looking")
    assert reported == pytest.approx([0.5 + 0.625 / 2])
