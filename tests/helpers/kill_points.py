"""Kills a change of files at each system call in turn, and reports the state of the files afterwards.

Run as ``python kill_points.py`` by test_all_or_nothing.py: each line of the standard input is a list in JSON of a
scenario, a folder, ``all`` or ``some``, and ``kill`` or ``fail``; the answer is a line in JSON. The process is forked
for every line and for every point, so that everything is imported once.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.bridge.fiji.manifest import install_files, installed_paths, remove_files
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.review import Action, Review
from epifiji.files.networks.default import choose_default, default_name
from epifiji.files.networks.store import available, read_network, user_folder, write_network
from epifiji.files.networks.zoo import remove_network
from epifiji.files.results.result_folder import read_record
from epifiji.files.results.reviews import read_review, write_review, write_reviewed
from epifiji.files.storage.writable import new_files
from epifiji.jobs.events.result import Result
from small_networks import small_network

CALLS = {
    "write",
    "writelines",
    "fsync",
    "rename",
    "replace",
    "unlink",
    "rmdir",
    "mkdir",
    "open",
    "close",
    "flush",
    "flock",
}
"""Functions in C by which Python writes, as the interpreter names them."""

UNNAMED_CALLS = {"write", "writelines", "fsync", "close", "flush", "flock"}

FULL, UNNAMED = 3, 4
"""How a process ends that said which file had no room, and one that said less."""

LAST = 60
"""Every fifth one of so many calls at the end, where files come to their places, is tried also where only some are."""

EVENTS = [Event("cell_death", 3, 20.0, 30.0, 0.9, 900), Event("cell_sop", 5, 40.0, 22.0, 0.8, 700)]
RECORD = {"scale": {"factor_t": 1, "factor_xy": 1}, "network": {"window_half_size_px": 12}, "movie": {"name": "wing"}}


def _result(events: list[Event], number: int, maps: bool) -> Result:
    pixels = np.arange(8 * 60 * 60, dtype=np.uint8).reshape(8, 60, 60)
    kept = {"rawproba": {"cell_death": pixels + np.uint8(number)}} if maps else {}
    classes = ("cell_death", "cell_sop")
    return Result(events, classes, Movie(pixels, "wing"), RECORD | {"number": number}, kept)


def _review(decision: str) -> Review:
    review = Review(EVENTS)
    review.do(Action(0, "keep"))
    review.do(Action(1, decision))
    return review


def _two_roots(folder: Path, seed: int) -> None:
    def more(change: Any, _: Path) -> None:
        place = change.add(folder / "reports", ["a.json", "b.csv"])
        for name in ("a.json", "b.csv"):
            (place / name).write_text(f"{seed}")

    write_network(small_network(1, seed=seed), folder / "networks" / "wing", overwrite=True, more=more)


def _first_retraining(folder: Path) -> None:
    """Write a network into folders that do not exist yet, and reports into another one that exists."""

    def more(change: Any, _: Path) -> None:
        (change.add(folder / "out" / "reports", ["a.json"]) / "a.json").write_text("1")

    write_network(small_network(1, seed=1), _networks(folder) / "wing", overwrite=True, more=more)


def _networks(folder: Path) -> Path:
    return folder / "home" / "data" / "networks"


def _own(folder: Path) -> None:
    """Put the user's own folders into this one."""
    os.environ |= {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}


def _default(folder: Path) -> None:
    _own(folder)
    write_network(small_network(1, seed=1), user_folder() / "wing")
    choose_default("wing")


def _many(folder: Path, text: str) -> None:
    with new_files(folder, ["a.csv", "b.csv", "c.csv"]) as partial:
        for name in ("a.csv", "b.csv", "mine too.json"):
            (partial / name).write_text(text)


FIRST = {"scripts/Plugins/EpiFiji/One.py": b"1", "jars/Lib/epifiji_one.py": b"1", "macros/epifiji/a.ijm": b"1"}
SECOND = {"scripts/Plugins/EpiFiji/One.py": b"2", "jars/Lib/epifiji_two.py": b"2", "macros/epifiji/a.ijm": b"1"}


def _fiji(folder: Path) -> None:
    for name in ("plugins", "jars", "macros", "scripts/Plugins"):
        (folder / name).mkdir(parents=True)
    (folder / "macros" / "StartupMacros.txt").write_text("mine")


def _mine(folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.txt").write_text("my own")


Step = Callable[[Path], Any]
SCENARIOS: dict[str, tuple[Step, Step, Step]] = {
    # The initial state, the change, and the function that reads afterwards; each in an empty folder.
    "detect": (
        lambda f: None,
        lambda f: _result(EVENTS, 1, maps=True).save(f / "wing_epifiji", overwrite=True),
        lambda f: read_record(f / "wing_epifiji"),
    ),
    "detect again": (
        lambda f: (
            _mine(f / "wing_epifiji"),
            _result(EVENTS, 1, maps=True).save(f / "wing_epifiji"),
        ),
        lambda f: _result(EVENTS[1:], 2, maps=False).save(f / "wing_epifiji", overwrite=True),
        lambda f: read_record(f / "wing_epifiji"),
    ),
    "review": (
        lambda f: (
            write_review(f / "review.csv", _review("reject")),
            write_reviewed(f / "reviewed", "wing", _review("keep"), None, None),
        ),
        lambda f: write_reviewed(f / "reviewed", "wing", _review("reject"), None, None),
        lambda f: read_record(f / "reviewed"),
    ),
    "decision": (
        lambda f: write_review(f / "review.csv", _review("keep")),
        lambda f: write_review(f / "review.csv", _review("reject")),
        lambda f: read_review(f / "review.csv"),
    ),
    "thresholds": (
        lambda f: (
            _result(EVENTS, 1, maps=False).save(f / "wing_epifiji"),
            write_review(f / "wing_epifiji" / "review.csv", _review("reject")),
        ),
        lambda f: replace(_result(EVENTS[1:], 2, maps=False), actions=(Action(0, "keep"),)).save(
            f / "wing_epifiji", overwrite=True
        ),
        lambda f: read_record(f / "wing_epifiji"),
    ),
    "tables": (lambda f: _many(f, "1"), lambda f: _many(f, "2"), read_record),
    "network": (
        lambda f: write_network(small_network(1, seed=1), f / "networks" / "wing"),
        lambda f: write_network(small_network(1, seed=2), f / "networks" / "wing", overwrite=True),
        lambda f: read_network(f / "networks" / "wing"),
    ),
    "retrain": (
        lambda f: _two_roots(f, 1),
        lambda f: _two_roots(f, 2),
        lambda f: (read_network(f / "networks" / "wing"), read_record(f / "reports")),
    ),
    "retrain, reports first": (
        lambda f: _two_roots(f, 1),
        lambda f: _two_roots(f, 2),
        lambda f: (read_record(f / "reports"), read_network(f / "networks" / "wing")),
    ),
    "first retrain": (
        lambda f: (f / "out").mkdir(),
        _first_retraining,
        lambda f: read_network(_networks(f) / "wing"),
    ),
    "remove": (_default, lambda f: (_own(f), remove_network("wing")), lambda f: (_own(f), available(), default_name())),
    "install": (_fiji, lambda f: install_files(f, FIRST), installed_paths),
    "update": (lambda f: (_fiji(f), install_files(f, FIRST)), lambda f: install_files(f, SECOND), installed_paths),
    "uninstall": (lambda f: (_fiji(f), install_files(f, FIRST)), remove_files, installed_paths),
}


ONCE = {"uninstall", "remove"}
"""Scenarios that cannot be repeated in the same folder."""


def contents(folder: Path, hidden: bool = False) -> dict[str, bytes | None]:
    """Return every file and folder except the hidden ones of processes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if hidden or not any(part.startswith(".epifiji-") for part in path.relative_to(folder).parts)
    }


def in_child(
    step: Callable[[], Any], kill_at: int | None = None, count_to: Path | None = None, fail: bool = False
) -> int:
    """Run a step in a forked process, and return its exit status.

    Before the call with the number `kill_at` it kills itself; with `fail` this call fails instead, as on a full disk.
    """
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    calls = 0

    def count(_: Any, event: str, function: Any) -> None:
        nonlocal calls
        if event == "c_call" and function.__name__ in CALLS:
            calls += 1
            if calls == kill_at and fail:
                # The system's error names a file that could not be opened or renamed, but not one that could not be
                # written.
                named = [] if function.__name__ in UNNAMED_CALLS else ["the place"]
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *named)
            if calls == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    status = 1
    try:
        sys.setprofile(count)
        step()
        sys.setprofile(None)
        status = 0
        if count_to is not None:
            count_to.write_text(str(calls))
    except OSError as problem:
        sys.setprofile(None)
        named = isinstance(problem.filename, str) and "/.epifiji-" not in problem.filename
        status = FULL if problem.errno == errno.ENOSPC and named else UNNAMED
        print(problem, file=sys.stderr)
    except Exception as problem:
        sys.setprofile(None)
        print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(status)


def tried_once(scenario: str, folder: Path) -> tuple[Path, Path, Any, Any, int]:
    """Make a change without a fault.

    Return the initial folder, its copy, the contents before and after, and the calls.
    """
    begin, change, _ = SCENARIOS[scenario]
    start, place, count = folder / "start", folder / "place", folder / "count"
    start.mkdir()
    begin(start)
    before = contents(start)
    shutil.copytree(start, place)
    assert in_child(lambda: change(place), count_to=count) == 0
    return start, place, before, contents(place), int(count.read_text())


def chosen(calls: int, every: bool) -> list[int]:
    """Return the calls to try: all, or some of them with more of the last ones, which move files."""
    return [n for n in range(1, calls + 1) if every or (n > calls - LAST and n % 5 == 0) or n % 90 == 1]


def kill_everywhere(scenario: str, folder: Path, every: bool) -> dict[str, Any]:
    """Try the points of a scenario, and count the states before and after the next process reads."""
    _, change, read = SCENARIOS[scenario]
    start, place, before, after, calls = tried_once(scenario, folder)
    assert before != after
    points = chosen(calls, every)
    found: dict[str, Any] = {"calls": calls, "tried": len(points), "between": [], "wrong": [], "raw between": 0}
    for point in points:
        shutil.rmtree(place)
        shutil.copytree(start, place)
        status = in_child(lambda: change(place), kill_at=point)
        assert os.WIFSIGNALED(status), (scenario, point, status)
        found["raw between"] += contents(place) not in (before, after)
        # The network or the folder may not exist yet; this tests that reading completes a change.
        in_child(lambda: read(place))
        if contents(place) not in (before, after):
            found["between"].append(point)
        if scenario in ONCE and contents(place) == after:
            in_child(lambda: read(place))
        elif in_child(lambda: change(place)) != 0:
            found["wrong"].append(point)
        if contents(place, hidden=True) != after:
            found["wrong"].append(point)
    return found


def fail_everywhere(scenario: str, folder: Path, every: bool) -> dict[str, Any]:
    """Let each call fail in turn, and return those after which a folder was neither in its old nor in its new state."""
    _, change, _ = SCENARIOS[scenario]
    start, place, before, after, calls = tried_once(scenario, folder)
    points = chosen(calls, every)
    found: dict[str, Any] = {"calls": calls, "tried": len(points), "between": [], "unnamed": [], "said": 0}
    for point in points:
        shutil.rmtree(place)
        shutil.copytree(start, place)
        status = os.waitstatus_to_exitcode(in_child(lambda: change(place), kill_at=point, fail=True))
        found["said"] += status == FULL
        if status not in (0, 1, FULL):
            found["unnamed"].append(point)
        # After the journal is written the change will be completed; only the removal of replaced files can fail then.
        if contents(place) not in ((after,) if status == 0 else (before, after)):
            found["between"].append(point)
    return found


def _answer(scenario: str, folder: str, which: str, how: str) -> None:
    """Try a scenario in a forked process, which writes the answer, so that no scenario changes the next one's process."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        try_points = {"kill": kill_everywhere, "fail": fail_everywhere}[how]
        answer: dict[str, Any] = try_points(scenario, Path(folder), which == "all")
    except BaseException:
        answer = {"problem": traceback.format_exc()}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    for line in sys.stdin:
        _answer(*json.loads(line))
