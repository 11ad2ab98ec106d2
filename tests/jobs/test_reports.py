"""Reports: one HTML file that needs nothing else, a PDF with the same contents, and numbers that are those of the statistics."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

import epifiji
from command_line import one_sentence, run_here
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.review import Action, Precision
from epifiji.files.figures.clips import event_clips
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.results.events_table import write_events
from epifiji.files.results.movie_identity import described_movie
from epifiji.files.results.result_folder import write_record
from epifiji.jobs.events.review import decide, finish_review, start_review
from epifiji.jobs.reports import pictures
from epifiji.jobs.reports.pooled import rate_in_words

QUICK: dict[str, Any] = {"within": "frame", "permutations": 19, "half_size": 5, "before": 1, "after": 2}
FRAMES, SIDE = 12, 64
POOLED = "control & co"
STRANGE, STRANGE_CLASS = "<img src=x onerror=alert(1)>", "x$&amp;'{^$"


def results(folder: Path, name: str = "wing", events: int = 6, network: str = "epinet", frames: int = FRAMES) -> Path:
    """Write a movie and the results of a detection in it, without running one."""
    random = np.random.default_rng(len(name))
    movie = Movie(random.integers(0, 255, (frames, SIDE, SIDE), np.uint8), name, 0.5, 90.0)
    write_movie(movie, folder / f"{name}.tif")
    movie = epifiji.read_movie(folder / f"{name}.tif")
    place = folder / f"{name}_epifiji"
    place.mkdir()
    kinds = ("cell_death", "cell_sop", "cell_division")
    places = random.uniform(2, SIDE - 3, (events, 2)).tolist()
    found = [Event(kinds[n % 3], n % frames, y, x, 0.9, 500) for n, (y, x) in enumerate(places)]
    write_events(place / "events.csv", found, 0.5, 90.0)
    described = described_movie(movie, movie.sha256())
    thresholds = {"cell_death": 140, "cell_sop": 150, "cell_division": 165}
    settings = {"events": kinds, "threshold": thresholds, "mode": "fast"}
    used = {"name": network, "kind": "epinet", "calibrated_on": "nine movies"}
    record = {"epifiji": 1, "movie": described, "network": used, "settings": settings}
    write_record(place / "run.json", {**record, "versions": {"epifiji": "0.1.0", "tensorflow": "2.20.0"}})
    return place


class _Page(HTMLParser):
    """Collects the texts, elements and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def addresses(self) -> list[str]:
        found = (attributes.get(key) for _, attributes in self.elements for key in ("src", "href", "srcset", "action"))
        return [address for address in found if address is not None]


@pytest.fixture(scope="module", autouse=True)
def _coarse_pictures():
    """Draw pictures with few pixels, which takes a third of the time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LIGHT", "DARK", "LIGHT_MAP", "DARK_MAP", "STRIPS"):
            patch.setattr(pictures, name, replace(getattr(pictures, name), dots_per_inch=40))
        yield


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    html, pdf = epifiji.report(results(folder), folder / "out", **QUICK)
    return html.read_text("utf-8"), pdf.read_bytes()


def test_the_page_opens_anywhere(written):
    page = _Page(written[0])
    assert all(address.startswith(("data:image/webp;base64,", "#")) for address in page.addresses())
    assert {"script", "link", "iframe", "object", "base", "form"}.isdisjoint(tag for tag, _ in page.elements)
    assert not any(key.startswith("on") for _, attributes in page.elements for key in attributes)
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:")
    assert not re.search(r"url\(|@import", written[0])
    assert all(attributes.get("alt") for tag, attributes in page.elements if tag == "img")


def test_it_has_every_section_that_closes(written):
    headings = re.findall(r"<details open[^>]*><summary><h2>([^<]*)<", written[0])
    assert headings == [
        *("Movie and settings", "Counts and rates", "Map", "Density", "Clustering", "Gallery", "Methods"),
        "How to run it again",
    ]


def test_every_event_has_a_clip_that_repeats_and_a_picture_that_stands_still(written):
    clips = written[0].partition("<div class='clips'>")[2].partition("</div>")[0]
    files = [Image.open(io.BytesIO(base64.b64decode(one))) for one in re.findall(r"base64,([^\"]+)", clips)]
    still, moving = files[::2], files[1::2]
    assert len(moving) == len(still) == 6
    # The first event is in the first frame, so its clip has one frame less.
    assert [clip.n_frames for clip in moving] == [3, 4, 4, 4, 4, 4]
    assert {clip.info["loop"] for clip in moving} == {0}
    assert {picture.n_frames for picture in still} == {1}


def test_counts_rates_and_assumptions_are_those_of_the_statistics(written):
    text = _Page(written[0]).text
    hours = FRAMES * 90 / 3600
    assert f"death 2 0 0 {rate_in_words(2, hours)}" in text
    assert rate_in_words(2, hours) == "6.67 (0.807 to 24.1)", "exact interval of 2 counts: 0.242 to 7.22"
    assert "12 frames of 64 x 64 px (32 x 32 µm, 0.5 µm per pixel; 18 min, 1.5 min per frame)" in text
    assert "The test in space holds if tissue fills the frame" in text


def test_methods_and_commands_name_what_was_used(written):
    text = _Page(written[0]).text
    assert "detected with EpiFiji 0.1.0 and TensorFlow 2.20.0" in text
    assert "thresholds of 140 (death), 150 (SOP) and 165 (division) (of 255)" in text
    assert "share of right events with this mean probability, as measured in nine movies." in text
    assert "doi 10.1242/dev.201747" in text
    assert "--threshold cell_death=140,cell_sop=150,cell_division=165" in text
    assert "--permutations 19 --before 1 --after 2 --half-size 5 --out report" in text


def test_the_pdf_has_pages(written):
    assert written[1].startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type /Page\b", written[1])) <= 8


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    """The page of two movies: one with texts of strangers and a finished review, and one whose movie is missing."""
    folder = tmp_path_factory.mktemp("pooled") / POOLED
    folder.mkdir()
    one, _ = results(folder, "a & $b_{c 'd$", 6, STRANGE), results(folder, "other", 3)
    table = (one / "events.csv").read_text().replace("cell_sop", STRANGE_CLASS)
    (one / "events.csv").write_text(table)
    path, review = start_review(one)
    for item in range(6):
        decide(path, review, Action(item, "reject" if item == 0 else "keep"))
    finish_review(path)
    (folder / "other.tif").unlink()
    html, pdf = epifiji.report(folder, folder / "out", **QUICK)
    assert pdf.read_bytes().startswith(b"%PDF")
    return html.read_text("utf-8")


def test_several_movies_are_pooled_first(pooled):
    text = _Page(pooled).text
    headings = re.findall(r"<h2>([^<]*)<", pooled)
    assert headings == ["All movies", "a &amp; $b_{c &#x27;d$", "other", "Methods", "How to run it again"]
    hours = 2 * FRAMES * 90 / 3600
    # The rejected event is a death, so 1 and 1 remain.
    assert f"all movies 2; {rate_in_words(2, hours)}" in text
    # The movies are in one folder, so they have one condition; equal rates have an interval of no width.
    rate = 1 / (hours / 2)
    assert f"{POOLED} (2) {rate:.3g} ({rate:.3g} to {rate:.3g})" in text
    assert "Conditions were not compared" in text


def test_a_finished_review_gives_its_precision_and_the_kept_events(pooled):
    text = _Page(pooled).text
    low, high = Precision(5, 6).interval or (0, 0)
    assert f"0.83 ({low:.2f} to {high:.2f})" in text
    assert "5: kept and added events of the review" in text
    assert "5 of 6 were confirmed" in text


@pytest.mark.parametrize(("finished", "analysed"), [(True, "only confirmed and added events"), (False, "all detected")])
def test_a_review_of_some_events_is_said_to_be_of_these(tmp_path, finished, analysed):
    folder = results(tmp_path, "wing", 6)
    path, review = start_review(folder)
    for item in range(4):
        decide(path, review, Action(item, "keep" if item else "reject"))
    if finished:
        finish_review(path)
    html, _ = epifiji.report(folder, tmp_path / "out", **QUICK)
    text = _Page(html.read_text("utf-8")).text
    low, high = Precision(3, 4).interval or (0, 0)
    said = f"3 of 4 were confirmed (precision of those 0.75, 95 % interval {low:.2f} to {high:.2f}, Wilson 1927); {analysed}"
    assert f"4 of 6 detected events were reviewed by eye: {said}" in text
    assert "The 2 others may be right more or less often" in text
    assert ("They are not in this report." in text) == finished


def test_a_complete_check_gives_its_recall(tmp_path):
    place = results(tmp_path)
    boxes = {"box_side": SIDE / 2, "box_frames": FRAMES}
    epifiji.complete_check(place, boxes=4, **boxes)
    without = epifiji.report(place, tmp_path / "first", **QUICK)[0].read_text("utf-8")
    assert "<h2>Complete check<" not in without
    assert "Recall was estimated" not in _Page(without).text
    path, review = start_review(place)
    for item in range(6):
        decide(path, review, Action(item, "keep"))
    decide(path, review, Action(6, "add", Event("cell_death", 3, 10.0, 10.0)))
    check = epifiji.complete_check(place)
    for number in range(1, 4):
        check = check.mark(number)
    there = sum(len(check.items(number)) for number in range(1, 4))
    missed = any(item.detected is None for number in range(1, 4) for item in check.items(number))
    page = epifiji.report(place, tmp_path / "second", **QUICK)[0].read_text("utf-8")
    assert "<h2>Complete check<" in page
    text = _Page(page).text
    recall = check.scores()[-1].recall
    assert recall.value == pytest.approx((there - missed) / there)
    expected = f"{recall.value:.2f} ({recall.low:.2f} to {recall.high:.2f})"
    assert "divided into 4 boxes of about the same size. 3 of them, drawn at random, are complete" in text
    assert (
        f"Recall was estimated in 3 of 4 boxes of the movie, drawn at random, in which every event was marked: {there - missed} "
        f"of {there} had been detected, a recall of {expected} (95 % interval)." in text
    )
    assert text.count(expected) >= 2


def test_texts_of_strangers_are_escaped(pooled):
    page = _Page(pooled)
    assert STRANGE in page.text
    assert STRANGE_CLASS in page.text
    assert not any("onerror" in attributes for _, attributes in page.elements)


def test_without_the_movie_there_are_no_pictures_of_it(pooled):
    assert "The movie was not found" in pooled
    assert pooled.count("<h3>Gallery") == pooled.count("<h3>Map") == 1
    assert pooled.count("<h3>Clustering") == 2


def test_a_hundred_clips_are_small():
    """Blurred noise has as much detail as a microscope resolves. With all pictures, a report has less than 8 MB."""
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(20, 200, 200)), (0, 1, 1))
    pixels = np.clip(128 + 200 * noise, 0, 255).astype(np.uint8)
    events = [Event("cell_death", 10, 100, 60 + 8 * number) for number in range(10)]
    files = [len(file) for pair in event_clips(Movie(pixels, "noise"), events, 6, 6, 25, ()) for file in pair]
    assert 4 / 3 * 10 * sum(files) < 5e6


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["wing_epifiji", "wing_epifiji", "--out", "new"], "was given twice"),
        (["wing_epifiji", "--clips", "-1", "--out", "new"], "clips is"),
        (["wing_epifiji", "--movie", "wing_epifiji/events.csv", "--out", "new"], ""),
        (["both"], "A report of 2 results needs a folder"),
        (["both", "--movie", "wing.tif", "--out", "new"], "One movie was given for 2 results"),
    ],
)
def test_what_cannot_be_reported_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, arguments, sentence):
    results(tmp_path)
    (tmp_path / "both").mkdir()
    for name in ("one", "other"):
        results(tmp_path / "both", name)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, _, error = run_here("report", *arguments)
    assert code == 2
    assert sentence in one_sentence(error)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_earlier_report_is_replaced_only_if_that_is_requested(tmp_path, monkeypatch):
    place = results(tmp_path, events=0)
    monkeypatch.chdir(tmp_path)
    quick = ["--within", "frame", "--permutations", "19"]
    assert run_here("report", str(place), *quick)[0] == 0
    code, _, error = run_here("report", str(place), *quick)
    assert code == 2
    assert "exists and would be overwritten" in one_sentence(error)
    code, printed, _ = run_here("report", str(place), *quick, "--overwrite", "--json")
    assert code == 0
    assert [Path(file).name for file in json.loads(printed)["files"]] == ["report.html", "report.pdf"]
    with pytest.raises(WrongInputError, match="exists and would be overwritten"):
        epifiji.report(place, **QUICK)


def test_methods_name_the_runtime_that_computed(tmp_path):
    place = results(tmp_path)
    record = json.loads((place / "run.json").read_text())
    record["versions"]["onnxruntime"] = "1.30.0"
    write_record(place / "run.json", {**record, "runtime": "ONNX Runtime"})
    html, _ = epifiji.report(place, tmp_path / "out", **QUICK)
    assert "detected with EpiFiji 0.1.0 and ONNX Runtime 1.30.0, which" in _Page(html.read_text("utf-8")).text
