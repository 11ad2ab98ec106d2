"""The requests of the navigator: it writes nothing before the first decision, and loses nothing after it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from epifiji.bridge.fiji.requests import review
from epifiji.bridge.fiji.shown_events import BETWEEN_EVENTS, BETWEEN_VALUES, text_of_event, text_of_events
from epifiji.data.events import Event
from epifiji.data.opinions import Opinion
from epifiji.files.results.events_table import read_events, write_events
from epifiji.files.results.reviews import read_review
from planted_events import planted, write_opinions
from requests_of_fiji import ask, refused

NOBODY = 65534
"""A user without rights, on Linux and macOS."""

TEXT = text_of_events(planted())


def opened(begin: dict[str, Any]) -> dict[str, Any]:
    return ask("navigate", begin)["result"]


def act(found: dict[str, Any], what: str, item: int = 0, **more: Any) -> dict[str, Any]:
    request = {"review": found["review"], "what": what, "item": item, "event": None, "seconds": 1.0, **more}
    return ask("review_act", request)["result"]


@pytest.mark.parametrize("died", [False, True])
def test_the_first_decision_begins_the_review(tmp_path: Path, died: bool) -> None:
    folder = tmp_path / "new_epifiji"
    begin = {"events": TEXT, "beside": str(folder)}
    found = opened(begin)
    assert found["items"] == TEXT
    assert found["problem"] is None
    assert not folder.exists()
    if died:
        review._open.clear()
    answer = act(found, "keep", 4, begin=begin)
    assert (answer["item"], answer["steps"]) == (4, 1)
    assert read_review(folder / "review.csv").items[4].decision == "keep"
    if died:
        review._open.clear()
    act(found, "reject", 5)
    again = opened(begin)
    decided = [text.split(BETWEEN_VALUES)[5] for text in again["items"].split(BETWEEN_EVENTS)]
    assert decided[4:6] == ["keep", "reject"]
    assert again["place"] == 6


def test_a_review_whose_decisions_were_undone_is_removed(tmp_path: Path) -> None:
    begin = {"events": TEXT, "beside": str(tmp_path)}
    found = opened(begin)
    act(found, "keep", begin=begin)
    act(found, "undo")
    assert ask("review_end", {"review": found["review"]})["result"]["folder"] is None
    assert not (tmp_path / "review.csv").exists()


@pytest.mark.parametrize("own", [False, True])
def test_results_of_decisions_that_were_undone_later_are_removed_and_nothing_else(tmp_path: Path, own: bool) -> None:
    write_events(tmp_path / "events.csv", planted())
    begin = {"results": str(tmp_path)}
    found = opened(begin)
    act(found, "keep", begin=begin)
    ask("review_end", {"review": found["review"], "movie": "movie"})
    reviewed = tmp_path / "reviewed"
    assert len(read_events(reviewed / "events.csv")) == 1
    assert len(list(reviewed.glob("movie_*.zip"))) == 1
    if own:
        (reviewed / "notes.txt").write_text("mine")
    act(found, "undo")
    assert ask("review_end", {"review": found["review"], "movie": "movie"})["result"]["folder"] is None
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["events.csv", *own * ["notes.txt", "reviewed"]]


@pytest.mark.parametrize("decided", [False, True])
def test_no_folder_is_made_again_for_a_decision_about_results_that_were_moved(tmp_path: Path, decided: bool) -> None:
    folder = tmp_path / "movie_epifiji"
    folder.mkdir()
    write_events(folder / "events.csv", planted())
    begin = {"results": str(folder)}
    found = opened(begin)
    if decided:
        act(found, "keep", begin=begin)
    folder.rename(tmp_path / "elsewhere")
    request = {"review": found["review"], "what": "keep", "item": 1, "event": None, "seconds": 1.0}
    assert "is not there any more" in refused("review_act", request if decided else request | {"begin": begin})
    assert not folder.exists()
    (tmp_path / "elsewhere").rename(folder)
    answer = act(found, "keep", 1, **({} if decided else {"begin": begin}))
    assert answer["steps"] == 1 + decided


def test_events_that_cannot_be_reviewed_are_shown_with_the_reason(tmp_path: Path) -> None:
    found = opened({"events": TEXT, "beside": None})
    assert found["review"] is None
    assert len(found["order"]) == len(planted())
    assert found["problem"].endswith("save the movie first.")
    begin = {"events": TEXT, "beside": str(tmp_path)}
    act(opened(begin), "keep", begin=begin)
    other = opened({"events": text_of_event(Event("cell_death", 1, 2.0, 3.0)), "beside": str(tmp_path)})
    assert "is the review of 30 other events" in other["problem"]


def test_the_answer_has_corrected_events_as_they_were_detected(tmp_path: Path) -> None:
    write_events(tmp_path / "events.csv", planted())
    found = opened({"results": str(tmp_path)})
    assert (found["detected"], found["maps"]) == ({}, False)
    moved = {"event": "cell_death", "frame": 1, "y": 1.0, "x": 2.0, "score": None}
    act(found, "move", 0, event=moved)
    again = opened({"results": str(tmp_path)})
    assert list(again["detected"]) == ["0"]
    now = again["items"].split(BETWEEN_EVENTS)[0].split(BETWEEN_VALUES)
    before = again["detected"]["0"].split(BETWEEN_VALUES)
    assert (now[:4], before[:4]) == (["cell_death", "1", "1.0", "2.0"], ["cell_death", "1", "25.0", "49.0"])
    assert (now[4], now[7]) == (before[4], before[7])
    assert float(now[4]) == planted()[0].score


def with_opinions(folder: Path) -> dict[str, str]:
    """Write results and second opinions on three of their events, and return the request for them."""
    folder.mkdir()
    write_events(folder / "events.csv", planted())
    known = (
        Opinion("agrees", "a cell disappears", 0),
        Opinion("disagrees", "the cell is still there", 0.9),
        Opinion("unknown", ""),
    )
    write_opinions(folder, {planted()[index]: opinion for index, opinion in zip((0, 3, 2), known, strict=True)})
    return {"results": str(folder)}


def test_second_opinions_come_with_the_events_and_order_a_review(tmp_path: Path) -> None:
    begin = with_opinions(tmp_path / "movie_epifiji")
    expected = [
        "3:cell_death:disagrees:the cell is still there",
        "2:cell_division:unknown:",
        "0:cell_death:agrees:a cell disappears",
    ]
    found = opened(begin)
    assert (
        found["opinions"].split(BETWEEN_EVENTS)
        == ask("opinions", begin)["result"]["opinions"].split(BETWEEN_EVENTS)
        == expected
    )
    review = ask("review_begin", {"settings": begin | {"order": "disagreement"}})["result"]
    assert review["order"][:3] == [3, 2, 0] and len(review["order"]) == 30
    assert review["opinions"] == found["opinions"]
    Path(found["opinions_file"]).write_text(
        "number,event,frame,y,x,second opinion\n1,a,b,c,d,perhaps\n", encoding="utf-8"
    )
    assert opened(begin)["opinions"] == ""
    assert "followed_events.csv cannot be read" in refused("opinions", begin)


def test_without_second_opinions_the_order_is_refused_with_what_to_do(tmp_path: Path) -> None:
    write_events(tmp_path / "events.csv", planted())
    begin = {"results": str(tmp_path)}
    assert opened(begin)["opinions"] == ""
    for sentence in (
        refused("opinions", begin),
        refused("review_begin", {"settings": begin | {"order": "disagreement"}}),
    ):
        assert sentence.endswith('has no measurement with second opinions: run "Measure Cells around Events..." first.')
    assert opened({"events": TEXT, "beside": str(tmp_path / "new")})["opinions_file"] is None
    assert "only measured for saved results" in refused("opinions", {"events": TEXT, "beside": str(tmp_path / "new")})


def test_missing_results_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in refused("navigate", {"results": str(tmp_path / "none")})


@pytest.fixture
def decided() -> Iterator[Path]:
    """Results with a decision in a folder that every user can reach."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "movie_epifiji"
        folder.mkdir()
        Path(name).chmod(0o755)
        write_events(folder / "events.csv", planted())
        act(opened({"results": str(folder)}), "keep", begin={"results": str(folder)})
        yield folder


def decision(folder: Path, what: str = "reject") -> dict[str, Any]:
    return {"review": str(folder / "review.csv"), "what": what, "item": 1, "event": None, "seconds": 1.0}


def limited(do: Callable[[], str], largest: int) -> str:
    """Do something while files can have no more than a number of bytes, as on a disk that is almost full."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    try:
        return do()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def without_rights(do: Callable[[], str]) -> str:
    """Do something as a user who is not root, in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            if os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            os.write(writing, do().encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    said = os.read(reading, 100_000).decode()
    os.close(reading)
    return said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has neither such limits nor these users")
@pytest.mark.parametrize("way", ["full", "read-only"])
def test_what_cannot_be_written_is_refused_and_nothing_is_lost(decided: Path, way: str) -> None:
    before = (decided / "review.csv").read_bytes()

    def tried(what: str) -> str:
        if way == "full":
            return limited(lambda: refused("review_act", decision(decided, what)), len(before) // 2)
        return without_rights(lambda: refused("review_act", decision(decided, what)))

    if way == "read-only":
        decided.chmod(0o555)
    said = [tried("reject"), tried("undo")]
    decided.chmod(0o755)
    assert all(str(decided) in sentence for sentence in said)
    assert said[0].split("(")[1].startswith("File too large" if way == "full" else "Permission denied")
    assert (decided / "review.csv").read_bytes() == before
    assert sorted(path.name for path in decided.iterdir()) == ["events.csv", "review.csv"]
    assert ask("review_act", decision(decided))["result"]["steps"] == 2
