"""The contents of a report as a document: pooled results first, then each movie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from epifiji.data.document import Block, Document, Section, Table, Text
from epifiji.data.progress import PartReport, Report
from epifiji.data.settings.reports import ReportSettings
from epifiji.data.statistics import TISSUE_FILLS, Extent
from epifiji.jobs.reports.pictures import (
    cell_picture,
    clips,
    density_picture,
    map_picture,
    neighbour_picture,
    rate_picture,
)
from epifiji.jobs.reports.pooled import exposure_of, pooled, rate_in_words
from epifiji.jobs.reports.reported import Reported
from epifiji.jobs.reports.words import class_in_words, commands, listed, methods, references
from epifiji.jobs.scoring.complete_check import CompleteCheck
from epifiji.jobs.versions import versions

SHOWN_SETTINGS = {
    "threshold": "Thresholds (of 255)",
    "min_volume": "Minimum volumes (voxels)",
    "mode": "Mode",
    "cell_diameter": "Cell diameter (px)",
    "event_duration": "Event duration (frames)",
}
MOST_OPEN = 4
"""With more movies, their sections are closed at first."""


def document_of(
    reported: Sequence[Reported], settings: ReportSettings, report: Report, conditions: Mapping[str, str] | None = None
) -> Document:
    """Put results into a document; `conditions` are those of movies by their names."""
    several = len(reported) > 1
    sections = [pooled(reported, conditions, settings.seed)] if several else []
    for number, one in enumerate(reported):
        parts = _parts(one, settings, PartReport(report, number, len(reported)))
        shown = len(reported) <= MOST_OPEN
        sections += [Section(one.name, (), list(parts), shown)] if several else [*parts]
    sections += [_methods(reported, settings), _again(reported, settings)]
    counts: dict[str, int] = {}
    for one in reported:
        for name, found in one.statistics.classes.items():
            counts[name] = counts.get(name, 0) + len(found.places)
    counted = listed([f"{count} {class_in_words(name)}" for name, count in counts.items()]) or "no events"
    movies = f"{len(reported)} movies: " if several else ""
    title = f"Events of {len(reported)} movies" if several else f"Events of {reported[0].name}"
    return Document(title, f"{movies}{counted}", sections, f"Written by EpiFiji {versions()['epifiji']}")


def _notices(one: Reported) -> list[Block]:
    return [Text(notice) for notice in one.notices]


def _parts(one: Reported, settings: ReportSettings, report: Report) -> Iterator[Section]:
    """Yield the sections about one movie."""
    movie = one.movie
    yield Section("Movie and settings", [Table((), _facts(one)), *_notices(one)])
    yield Section("Counts and rates", [_counts(one), rate_picture(one)])
    if movie is not None and one.events:
        yield Section("Map", [map_picture(one, movie, settings)])
    if one.events:
        yield Section("Density", [density_picture(one)])
        yield Section("Clustering", [*map(Text, _clustering(one)), neighbour_picture(one)])
    if (cells := cell_picture(one)) is not None:
        yield Section("Events per cell", [cells])
    if one.review is not None:
        yield Section("Review", [*_review(one)])
    if one.check is not None:
        yield Section("Complete check", [*_check(one.check)])
    if movie is not None and one.events and settings.clips:
        yield Section("Gallery", [Text(_about_clips(one, settings)), clips(one, movie, settings, report)])


def _facts(one: Reported) -> list[tuple[str, str]]:
    """Return the movie, the network and the settings as pairs of texts."""
    extent, record = one.statistics.extent, one.record
    frames, height, width = extent.shape
    size = f"{frames} frames of {width} x {height} px"
    facts = [("Movie", one.name), ("Size", f"{size} ({_calibrated(extent)})" if extent.known else f"at least {size}")]
    recorded = record.entries()
    if record.movie.file:
        facts.append(("File", record.movie.file))
    if record.movie.sha256:
        facts.append(("SHA-256 of the file", record.movie.sha256))
    network = record.network
    if network.name:
        facts.append(
            ("Network", f"{network.name} (SHA-256 {network.sha256[:16]}...)" if network.sha256 else network.name)
        )
    for name, value in record.settings.of_run().items():
        if value is not None and name in SHOWN_SETTINGS:
            facts.append((SHOWN_SETTINGS[name], _setting(value)))
    facts.append(("Counted", one.statistics.region.text))
    if recorded.get("created") or recorded.get("versions"):
        detected = " ".join(filter(None, [str(recorded.get("created") or ""), _version(recorded.get("versions"))]))
        facts.append(("Detected", detected))
    which = "kept and added events of the review" if one.reviewed else "all detected events"
    return [*facts, ("Events", f"{len(one.events)}: {which}")]


def _version(recorded: object) -> str:
    found = recorded.get("epifiji") if isinstance(recorded, dict) else None
    return f"with EpiFiji {found}" if found else ""


def _setting(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{class_in_words(str(name))} {number}" for name, number in value.items())
    return str(value)


def _calibrated(extent: Extent) -> str:
    frames, height, width = extent.shape
    texts = []
    if size := extent.pixel_size_um:
        texts.append(f"{width * size:.4g} x {height * size:.4g} µm, {size:.3g} µm per pixel")
    if interval := extent.frame_interval_s:
        texts.append(f"{frames * interval / 60:.4g} min, {interval / 60:.3g} min per frame")
    return "; ".join(texts) or "not calibrated"


def _counts(one: Reported) -> Table:
    """Return the table of counts and rates of one movie."""
    extent = one.statistics.extent
    rows = []
    for row in one.statistics.summary():
        found = one.statistics.classes[row["event"]]
        times = [f"first ({extent.time_unit})", f"median ({extent.time_unit})", f"last ({extent.time_unit})"]
        rows.append(
            [
                class_in_words(row["event"]),
                str(row["events"]),
                str(row["at border"]),
                str(row["outside"]),
                rate_in_words(len(found.places), exposure_of(one)),
                ", ".join("-" if row[name] is None else f"{row[name]:.4g}" for name in times),
            ]
        )
    heads = ("class", "events", "at border", "left out", f"events per {extent.rate_unit} (95 %)")
    return Table((*heads, f"first, median, last ({extent.time_unit})"), rows)


def _clustering(one: Reported) -> Iterator[str]:
    """Yield the verdicts on clustering, and what they assume."""
    region = one.statistics.region
    for name, found in one.statistics.classes.items():
        tests = [
            f"in {what}, {neighbours.verdict} (p = {neighbours.p:.2g})"
            for what, neighbours in (("space", found.space), ("space and time", found.space_time))
            if neighbours is not None
        ]
        kind = class_in_words(name)
        yield f"{kind[:1].upper()}{kind[1:]}: {'; '.join(tests) or 'too few events to compare'}."
    assumed = (
        f"The test in space holds {TISSUE_FILLS}: where there is no tissue there are no events, which looks like clustering."
        if region.is_frame
        else f"The test in space compares with random positions {region.text}, where an event has the same chance everywhere."
    )
    yield f"{assumed} The test in space and time permutes the events' frames, so it assumes no shape of the tissue."


def _review(one: Reported) -> Iterator[Block]:
    review = one.review
    assert review is not None
    kinds = [kind for kind in next(iter(review.counts.values()), {}) if kind != "open"]
    rows = []
    for name, counts in review.counts.items():
        precision = review.precision[name]
        text = "-"
        if precision.value is not None and precision.interval is not None:
            text = f"{precision.value:.2f} ({precision.interval[0]:.2f} to {precision.interval[1]:.2f})"
        rows.append([class_in_words(name), *(str(counts[kind]) for kind in kinds), str(counts["open"]), text])
    if not one.reviewed:
        yield Text("The review is not finished, so this report is about all detected events.")
    yield Table(("class", *kinds, "undecided", "precision (95 %)"), rows)
    left = review.counts["all"]["detected"] - review.precision["all"].judged
    yield Text(
        "Precision is the share of correct events among those that were kept or rejected; its interval is Wilson's."
        + (
            f" The {left} others may be right more or less often, for example if the least sure ones were reviewed first: "
            "Estimate Event Scores... and epifiji expected-scores estimate the precision of all."
            if left
            else ""
        )
        + (" They are not in this report." if left and one.reviewed else "")
    )


def _check(check: CompleteCheck) -> Iterator[Block]:
    yield Text(
        f"The movie was divided into {check.check.boxes_in_all} boxes of about the same size. "
        f"{len(check.complete)} of them, drawn at random, are complete: every event in them was marked, whether it had been "
        "detected or not. Recall is the share of these events that had been detected. Intervals are of 95 %."
    )
    yield Table(tuple(check.columns()), [[class_in_words(row[0]), *row[1:]] for row in check.rows()])


def _about_clips(one: Reported, settings: ReportSettings) -> str:
    shown = min(settings.clips, len(one.events))
    which = "Events" if shown == len(one.events) else f"The first {shown} of {len(one.events)} events"
    return (
        f"{which} from {settings.before} frames before to {settings.after} frames after. Numbers are those of the map. "
        "The frame of the event has a border in the colour of its class."
    )


def _methods(reported: Sequence[Reported], settings: ReportSettings) -> Section:
    """Return the methods for a paper, once for all movies with the same."""
    texts: dict[str, list[str]] = {}
    for one in reported:
        texts.setdefault(methods(one, settings), []).append(one.name)
    blocks: list[Block] = []
    for text, names in texts.items():
        if len(texts) > 1:
            blocks.append(Text(f"For {listed(names)}:"))
        blocks.append(Text(text, "quote"))
    used = ", ".join(f"{name} {number}" for name, number in versions().items())
    blocks.append(Text("References:"))
    blocks += map(Text, references(reported))
    blocks.append(Text(f"This report was computed with {used}."))
    return Section("Methods", blocks)


def _again(reported: Sequence[Reported], settings: ReportSettings) -> Section:
    lines = [line for one in reported for line in commands(one, settings)]
    return Section("How to run it again", [Text("\n".join(dict.fromkeys(lines)), "code")])
