"""Result folders from untrusted sources: whatever they contain, the answer is one sentence, and nothing outside is touched."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epifiji.bridge.cli.main import main
from epifiji.bridge.fiji.requests.answer import answer
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.progress import silent
from epifiji.data.record import parse_record
from epifiji.data.settings.training import TrainingSettings
from epifiji.files.event_sources import movie_of
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.results.events_table import write_events
from epifiji.files.results.result_folder import map_file, read_record, roi_file, write_map, write_record
from epifiji.files.rois.roi_files import write_rois
from epifiji.jobs.events.review import finish_review, start_review
from epifiji.jobs.training.sources import read_sources

SHAPE = (12, 40, 48)
EVENTS = [Event("cell_death", 4, 20, 24, 0.9, 900), Event("cell_death", 7, 10, 30, 0.8, 700)]
RECORD: dict[str, Any] = {
    "epifiji": 1,
    "movie": {
        "name": "movie",
        "file": None,
        "sha256": None,
        "shape": list(SHAPE),
        "dtype": "uint8",
        "pixel_size_um": 0.2,
        "frame_interval_s": 300.0,
    },
    "network": {
        "kind": "epinet",
        "name": "epinet",
        "classes": ["nothing", "cell_death", "cell_sop"],
        "window_half_size_px": 22,
        "thresholds": {"cell_death": 140},
        "min_volumes": {"cell_death": 10},
        "source": None,
    },
    "settings": {
        "events": ["cell_death", "cell_sop"],
        "threshold": {"cell_death": 140, "cell_sop": 150},
        "min_volume": {"cell_death": 10, "cell_sop": 10},
        "seed_distance_xy": 10,
        "seed_distance_t": 4,
        "cell_diameter": None,
        "mode": "fast",
        "channel": None,
    },
    "scale": {"cell_diameter_px": None, "factor_t": 1.0, "factor_xy": 1.0, "map_shape": list(SHAPE)},
    "files": ["events.csv", "run.json"],
    "seconds": {"total": 1.0},
}

PATHS = (
    "../../escaped",
    "/etc/escaped",
    "..",
    "",
    "a/b",
    "a\\b",
    "C:escaped",
    "C:..\\escaped",
    "a\0b",
    "a\nb",
    "\ud800",
)
ODD = (None, 5, -1, 0, 1e400, True, [], {}, "text", ["a"], {"a": 1}, [[1]], "x" * 5000)
EVENTS_ALONE = ("gallery", "crop", "rescale", "crop_here")
"""Commands that take the events from their table and need no record."""
NAMES_INSIDE = [("movie", "name"), ("settings", "events", 0), ("network", "classes", 1), ("files", 0)]


def entries(record: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every entry of a record, however deep."""
    for key, value in record.items() if isinstance(record, dict) else enumerate(record):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from entries(value, (*path, key))


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    record = deepcopy(RECORD)
    place: Any = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return record


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a movie, and next to it a result folder with maps of two events."""
    place = tmp_path_factory.mktemp("pristine")
    pixels = np.random.default_rng(2).integers(0, 255, SHAPE).astype(np.uint8)
    write_movie(Movie(pixels, "movie", 0.2, 300.0), place / "movie.tif")
    results = place / "movie_epifiji"
    results.mkdir()
    raw = np.zeros(SHAPE, np.uint8)
    raw[2:7, 16:25, 20:29] = 220
    for event in ("cell_death", "cell_sop"):
        write_map(results / map_file("movie", event, "rawproba"), raw if event == "cell_death" else 0 * raw, SHAPE)
    write_rois(results / roi_file("movie", "cell_death"), EVENTS)
    write_events(results / "events.csv", EVENTS)
    write_record(results / "run.json", RECORD | {"movie": RECORD["movie"] | {"file": str(place / "movie.tif")}})
    return place


@pytest.fixture
def strange(pristine: Path, tmp_path: Path) -> Path:
    """A copy of the result folder, three folders deep, with the movie next to it and an unrelated file above."""
    home = tmp_path / "home" / "one" / "two"
    shutil.copytree(pristine, home)
    (home / "asked").mkdir()
    for name in ("bystander.txt", "escaped_nothing.zip", "escaped_cell_death.zip", "escaped_cell_death_match.zip"):
        for above in (tmp_path, tmp_path / "home", tmp_path / "home" / "one"):
            (above / name).write_text("mine")
    return home / "movie_epifiji"


def state_outside(results: Path, top: Path) -> dict[str, str]:
    """Hash every file under the top folder that is neither in the result folder nor in the output folder."""
    return {
        str(file.relative_to(top)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in top.rglob("*")
        if file.is_file() and results not in file.parents and "asked" not in file.relative_to(top).parts
    }


def asked_of_terminal(results: Path) -> list[list[str]]:
    """Every command that reads a result folder."""
    movie, out = str(results.parent / "movie.tif"), results.parent / "asked"
    place = str(results)
    return [
        ["rois", place, "--threshold", "100", "--min-volume", "5", "--out", str(out / "rois")],
        ["rois", place, "--movie", movie, "--overwrite"],
        ["compare", place, place, "--out", str(out / "compare"), "--curve", "--overwrite"],
        ["compare", place, str(results / "movie_cell_death.zip")],
        ["plot", place, "--out", str(out / "plot"), "--permutations", "19", "--within", "frame"],
        ["gallery", movie, place, "--out", str(out / "gallery.png"), "--overwrite"],
        ["crop", movie, "--events", place, "--out", str(out / "crop"), "--overwrite"],
        ["rescale", movie, "--events", place, "--factor-xy", "0.5", "--out", str(out / "rescale"), "--overwrite"],
        ["retrain", "epinet", place, "--name", "stranger"],
    ]


def asked_of_engine(results: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every job of Fiji's commands that reads a result folder, except for the training itself."""
    place = {"results": str(results)}
    image = {"title": "movie.tif", "shape": list(SHAPE)}
    yield "open", {"settings": place}
    yield "maps", {"settings": place, "shape": None}
    yield "review_begin", {"settings": place}
    yield "review_act", {"review": str(results / "review.csv"), "what": "reject", "item": 0, "seconds": 1}
    yield "review_end", {"review": str(results / "review.csv"), "movie": "../../escaped"}
    yield "candidates", place
    yield "adjust", {"settings": place | {"save": True, "threshold": "100"}}
    yield "score_begin", {"settings": place}
    yield "crop_here", {"settings": place, "title": "movie.tif", "shape": list(SHAPE), "places": []}
    yield "plot", {"settings": place | {"permutations": "19"}, "headless": False}
    yield "compare", {"settings": {"detected": str(results), "reference": str(results)}, "image": image}


def terminal(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command line in this process and return its message; a result, or a refusal in one line with exit code 2."""
    monkeypatch.setattr(sys, "argv", ["epifiji", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err.strip().splitlines()
    assert (ended.value.code or 0) in (0, 2), (arguments, said)
    if not ended.value.code:
        return ""
    assert sum("epifiji:" in line for line in said) == 1, said
    return said[-1]


def engine(job: str, request: dict[str, Any]) -> str:
    """Send a request to the engine as Fiji does and return its message; empty if there is a result."""
    given = json.loads(answer(job, json.dumps(request), [], silent))
    shutil.rmtree((given.get("result") or {}).get("maps_folder") or "/nonexistent", ignore_errors=True)
    if "result" in given:
        return ""
    assert given["kind"] == "input", (job, given)
    return str(given["error"])


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("entry", NAMES_INSIDE, ids=lambda entry: ".".join(map(str, entry)))
def test_a_name_that_is_a_path_is_refused_by_every_command(strange, entry, name, tmp_path, monkeypatch, capsys):
    text = json.dumps(changed(entry, name))
    (strange / "run.json").write_text(text)
    before, inside = state_outside(strange, tmp_path), sorted(strange.rglob("*"))
    for arguments in asked_of_terminal(strange):
        sentence = terminal(arguments, monkeypatch, capsys)
        assert str(strange / "run.json") in sentence or arguments[0] in EVENTS_ALONE, sentence
    for job, request in asked_of_engine(strange):
        if job not in ("review_act", "review_end"):
            assert str(strange / "run.json") in engine(job, request) or job in EVENTS_ALONE, job
    assert state_outside(strange, tmp_path) == before
    assert sorted(strange.rglob("*")) == inside


@pytest.mark.parametrize("name", ["../../escaped", "C:..\\escaped"])
def test_the_end_of_a_review_stays_in_its_folder(strange, name, tmp_path):
    path, _ = start_review(strange)
    assert engine("review_begin", {"settings": {"results": str(strange)}}) == ""
    assert engine("review_act", {"review": str(path), "what": "reject", "item": 0, "seconds": 1}) == ""
    (strange / "run.json").write_text(json.dumps(changed(("movie", "name"), name)))
    before = state_outside(strange, tmp_path)
    assert "movie.name" in engine("review_end", {"review": str(path), "movie": None})
    (strange / "run.json").unlink()
    # The name may also be an image's title, or be specified in Python.
    assert engine("review_end", {"review": str(path), "movie": name})
    with pytest.raises(WrongInputError):
        finish_review(path, name)
    assert state_outside(strange, tmp_path) == before
    assert not list(strange.glob("reviewed/*"))


@pytest.mark.parametrize("value", ODD, ids=lambda value: ascii(value)[:20])
def test_no_value_of_any_entry_ends_in_an_error_of_ours(strange, value, tmp_path, monkeypatch, capsys):
    """Every entry in turn is replaced by an invalid value; the fast commands succeed or report one sentence."""
    for entry in entries(RECORD):
        (strange / "run.json").write_text(json.dumps(changed(entry, value)))
        for job, request in asked_of_engine(strange):
            if job in ("open", "candidates", "crop_here", "score_begin"):
                engine(job, request)
        for read in (movie_of, read_record):
            try:
                read(strange)
            except WrongInputError as problem:
                assert "run.json" in str(problem)


@pytest.mark.parametrize("entry", list(entries(RECORD)), ids=lambda entry: ".".join(map(str, entry)))
def test_every_command_handles_a_list_in_every_entry(strange, entry, tmp_path, monkeypatch, capsys):
    (strange / "run.json").write_text(json.dumps(changed(entry, ["../../escaped"])))
    before = state_outside(strange, tmp_path)
    for arguments in asked_of_terminal(strange)[:-1]:
        terminal(arguments, monkeypatch, capsys)
    for job, request in asked_of_engine(strange):
        if (strange / "review.csv").exists() or not job.startswith("review_") or job == "review_begin":
            engine(job, request)
    with pytest.raises(WrongInputError):
        read_sources([strange], TrainingSettings())
    assert state_outside(strange, tmp_path) == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entry=st.sampled_from([*entries(RECORD), *((key, "later") for key in ("movie", "network", "settings", "scale"))]),
    value=JSON,
)
def test_any_json_is_a_record_or_a_sentence(entry, value):
    try:
        record = parse_record("run.json", changed(entry, value))
    except WrongInputError as problem:
        assert str(problem).startswith("run.json ")
        assert str(problem).count("\n") == 0
        return
    # Accepted records have only names that stay in their folder, and are kept unchanged.
    for name in (record.movie.name, *record.files, *record.classes):
        assert name is None or name == Path(name).name


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"x": NaN}',
        b'{"x": ' + b"9" * 5000 + b"}",
        b'{"x": "\\ud800"}',
    ],
    ids=lambda content: ascii(content)[:20],
)
def test_what_is_no_record_is_refused_by_its_file(strange, content):
    (strange / "run.json").write_bytes(content)
    with pytest.raises(WrongInputError, match="run.json") as problem:
        read_record(strange)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    "entry", [("later",), ("movie", "later"), ("network", "later"), ("settings", "later"), ("scale", "later")]
)
def test_entries_of_later_versions_are_kept(strange, entry, monkeypatch, capsys):
    (strange / "run.json").write_text("\ufeff" + json.dumps(changed(entry, {"new": [1, "a"]})), encoding="utf-8")
    assert terminal(["rois", str(strange), "--overwrite"], monkeypatch, capsys) == ""
    written = json.loads((strange / "run.json").read_text("utf-8"))
    for key in entry:
        written = written[key]
    assert written == {"new": [1, "a"]}


CLASS_NAMES = ("../../escaped", "/etc/escaped", "a\\b", "..", "C:x")


@pytest.mark.parametrize("name", CLASS_NAMES)
@pytest.mark.parametrize("file", ["events.csv", "review.csv", "roi"])
def test_a_class_that_is_a_path_is_refused_in_every_file(strange, file, name, tmp_path, monkeypatch, capsys):
    movie, out = strange.parent / "movie.tif", strange.parent / "asked"
    if file == "events.csv":
        text = (strange / "events.csv").read_text()
        (strange / "events.csv").write_text(text.replace("cell_death", name))
        before = state_outside(strange, tmp_path)
        for arguments in (
            ["crop", str(movie), "--events", str(strange), "--out", str(out), "--overwrite"],
            ["compare", str(strange), str(strange), "--out", str(out)],
            ["gallery", str(movie), str(strange), "--out", str(tmp_path / "gallery.png")],
        ):
            assert "events.csv, line 2" in terminal(arguments, monkeypatch, capsys)
    elif file == "review.csv":
        path, _ = start_review(strange)
        engine("review_begin", {"settings": {"results": str(strange)}})
        engine("review_act", {"review": str(path), "what": "keep", "item": 0, "seconds": 1})
        path.write_text(path.read_text().replace("cell_death", name))
        before = state_outside(strange, tmp_path)
        assert "review.csv" in engine("review_end", {"review": str(path), "movie": None})
    else:
        rois = strange / "RoiSet.zip"
        write_named(rois, f"{name} 1")
        before = state_outside(strange, tmp_path)
        request = {"settings": {"results": str(rois)}, "title": "movie.tif", "shape": list(SHAPE), "places": []}
        arguments = ["crop", str(movie), "--events", str(rois), "--out", str(out)]
        for sentence in (engine("crop_here", request), terminal(arguments, monkeypatch, capsys)):
            # Of an entry's name, the part after the last folder counts.
            assert "RoiSet.zip" in sentence or set(name) & set("/\\")
    assert state_outside(strange, tmp_path) == before


def write_named(path: Path, name: str) -> None:
    """Write a zip with one ROI of any name, as ImageJ would."""
    import zipfile

    import roifile

    roi = roifile.ImagejRoi.frompoints([[20, 20]])
    roi.roitype, roi.t_position, roi.z_position, roi.c_position, roi.name = roifile.ROI_TYPE.POINT, 3, 1, 1, name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.roi", roi.tobytes())


@pytest.mark.skipif(os.name == "nt", reason="needs the right to make links")
def test_links_in_a_result_folder_are_never_written_through(strange: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """A link in place of a file is replaced, its target stays; a linked folder is refused."""
    bystander = tmp_path / "bystander.txt"
    for name in ("events.csv", "overlay.png", "movie_cell_death.zip", "review.csv"):
        (strange / name).unlink(missing_ok=True)
        if name != "review.csv":
            (strange / name).symlink_to(bystander)
    assert (
        terminal(["rois", str(strange), "--overwrite", "--threshold", "100", "--min-volume", "5"], monkeypatch, capsys)
        == ""
    )
    assert not (strange / "events.csv").is_symlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "movie_nothing.zip").write_text("mine")
    (strange / "reviewed").symlink_to(elsewhere, target_is_directory=True)
    engine("review_begin", {"settings": {"results": str(strange)}})
    engine("review_act", {"review": str(strange / "review.csv"), "what": "keep", "item": 0, "seconds": 1})
    assert "is a link to another folder" in engine("review_end", {"review": str(strange / "review.csv")})
    assert bystander.read_text() == "mine"
    assert [file.name for file in elsewhere.iterdir()] == ["movie_nothing.zip"]


def test_a_record_of_a_later_form_is_refused(strange, monkeypatch, capsys):
    (strange / "run.json").write_text(json.dumps(RECORD | {"epifiji": 2}))
    assert "install a newer EpiFiji" in terminal(["rois", str(strange), "--overwrite"], monkeypatch, capsys)


def test_events_of_a_class_whose_map_is_lost_are_not_lost_too(strange, monkeypatch, capsys):
    table = (strange / "events.csv").read_text()
    (strange / "movie_cell_death_rawproba.tif").unlink()
    sentence = terminal(["rois", str(strange), "--overwrite"], monkeypatch, capsys)
    assert "no map of cell_death" in sentence
    assert (strange / "events.csv").read_text() == table
    assert (strange / "movie_cell_death.zip").is_file()
    again = ["rois", str(strange), "--overwrite", "--events", "cell_sop"]
    assert terminal(again, monkeypatch, capsys) == ""
