"""The texts of a report: methods for a paper, references, and the commands that repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from epifiji.data.evaluation import in_words
from epifiji.data.record import RunRecord
from epifiji.data.settings.base import option_of
from epifiji.data.settings.detection import DetectionSettings
from epifiji.data.settings.reports import ReportSettings
from epifiji.engine.backend.devices import TENSORFLOW
from epifiji.jobs.reports.reported import Reported
from epifiji.jobs.scoring.complete_check import CompleteCheck
from epifiji.jobs.versions import versions

DEXTRUSION = (
    "A. Villars, G. Letort, L. Valon and R. Levayer, DeXtrusion: automatic recognition of epithelial cell extrusion through "
    "machine learning in vivo, Development 150, dev201747 (2023), doi 10.1242/dev.201747."
)
FIJI = (
    "J. Schindelin et al., Fiji: an open-source platform for biological-image analysis, Nature Methods 9, 676-682 (2012), "
    "doi 10.1038/nmeth.2019."
)
WILSON = (
    "E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of the American Statistical "
    "Association 22, 209-212 (1927)."
)
HOW_COMPUTED = ("memory", "device", "workers", "scheduler")
"""Settings that do not change which events are found."""


def class_in_words(name: str) -> str:
    """Return a class as people write it."""
    return "SOP" if name == "cell_sop" else name.removeprefix("cell_").replace("_", " ")


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def methods(reported: Reported, settings: ReportSettings) -> str:
    """Write the paragraph of methods for one movie, ready for a paper."""
    record, statistics = reported.record, reported.statistics
    sentences = [_detection(record, list(statistics.classes))]
    extent = statistics.extent
    if extent.pixel_size_um and extent.frame_interval_s:
        sentences.append(
            f"Movies had pixels of {extent.pixel_size_um:.3g} µm and a frame interval of {extent.frame_interval_s / 60:.3g} min."
        )
    if reported.review is not None:
        sentences.append(_reviewing(reported))
    if reported.check is not None:
        sentences.append(_checking(reported.check))
    sentences.append(
        f"Events were counted {statistics.region.text}. Rates are numbers of events per {extent.rate_unit}, with exact 95 % "
        "intervals of a Poisson distribution."
    )
    sentences.append(
        f"Density was estimated with a Gaussian kernel of {statistics.bandwidth_px * extent.length:.3g} {extent.length_unit} "
        "standard deviation, corrected at the edges."
    )
    if any(found.space is not None or found.space_time is not None for found in statistics.classes.values()):
        sentences.append(
            "Clustering was tested by the mean distance to the nearest event of the same class, compared with "
            f"{settings.permutations} random arrangements: in space, of positions drawn uniformly; in space and time, of the "
            "same positions with permuted frames (two-sided permutation tests)."
        )
    return " ".join(sentences)


def _detection(record: RunRecord, classes: Sequence[str]) -> str:
    kinds = listed([class_in_words(name) for name in classes]) or "cell"
    network = record.network
    if network.name is None:
        return f"Events ({kinds}) were analysed with EpiFiji {versions()['epifiji']}."
    recorded: dict[str, Any] = record.entries().get("versions") or {}
    runtime = str(record.entries().get("runtime") or TENSORFLOW)
    version, computed_by = (str(recorded.get(name) or "") for name in ("epifiji", runtime.lower().replace(" ", "")))
    with_runtime = f" and {runtime} {computed_by}" if computed_by else ""
    text = f"Events ({kinds}) were detected with EpiFiji {version or versions()['epifiji']}{with_runtime}, which follows the "
    text += f"approach of DeXtrusion (Villars et al. 2023), and the network {network.name}"
    if network.sha256:
        text += f" (SHA-256 {network.sha256[:12]})"
    mode = record.settings.of_run().get("mode")
    if mode and network.kind != "epinet":
        text += f" in {mode} mode"
    thresholds = _by_class(record.settings.threshold, network.thresholds, classes)
    volumes = _by_class(record.settings.min_volume, network.min_volumes, classes)
    if thresholds:
        text += f", with probability thresholds of {thresholds} (of 255)"
    if volumes:
        text += f" and minimum volumes of {volumes} voxels"
    scale = record.scale
    if scale.factor_xy not in (None, 1.0) or scale.factor_t not in (None, 1.0):
        text += (
            f", after the movie was scaled by {scale.factor_xy or 1:.3g} in space and {scale.factor_t or 1:.3g} in time"
        )
    if network.calibrated_on and mode != "compatible":
        text += ". An event's score is the share of right events with this mean probability, as measured in "
        text += network.calibrated_on
    return f"{text}."


def _by_class(chosen: Any, of_network: Mapping[str, int], classes: Sequence[str]) -> str:
    """Write a setting that each class may have its own value of."""
    values = dict(of_network) if chosen is None else chosen
    if not isinstance(values, dict):
        return str(values)
    known = [f"{values[name]} ({class_in_words(name)})" for name in classes if name in values]
    return listed(known)


def _reviewing(reported: Reported) -> str:
    assert reported.review is not None
    precision, counts = reported.review.precision["all"], reported.review.counts["all"]
    left = counts["detected"] - precision.judged
    which = f"{precision.judged} of {counts['detected']} detected events" if left else "Detected events"
    text = f"{which} were reviewed by eye: {precision.correct} of {precision.judged} were confirmed"
    if precision.interval is not None and precision.value is not None:
        low, high = precision.interval
        of_these = " of those" if left else ""
        text += f" (precision{of_these} {precision.value:.2f}, 95 % interval {low:.2f} to {high:.2f}, Wilson 1927)"
    if not reported.reviewed:
        return f"{text}; all detected events were analysed."
    return f"{text}; only confirmed and added events were analysed{f', and not the {left} others' if left else ''}."


def _checking(check: CompleteCheck) -> str:
    """Say how recall was estimated, for all classes together."""
    scores = check.scores()[-1]
    drawn = f"Recall was estimated in {len(check.complete)} of {check.check.boxes_in_all} boxes of the movie, drawn at random"
    counts = scores.counts
    there = counts.true_positives + counts.false_negatives
    if not there:
        return f"{drawn}, in which there were no events."
    return (
        f"{drawn}, in which every event was marked: {counts.true_positives} of {there} had been detected, a recall of "
        f"{in_words(scores.recall)} (95 % interval)."
    )


def references(reported: Sequence[Reported]) -> list[str]:
    """Return the works to cite."""
    reviewed = any(one.review is not None for one in reported)
    return [DEXTRUSION, FIJI, *([WILSON] if reviewed else [])]


def commands(reported: Reported, settings: ReportSettings) -> list[str]:
    """Return the commands that detect the events again and write the report of them."""
    record = reported.record
    lines = []
    if record.movie.file is not None and record.network.name is not None:
        network = record.network.name
        lines.append(_command("detect", record.movie.file, "--network", network, *_options(record)))
    chosen = _changed(settings)
    lines.append(_command("report", str(reported.place), *chosen, "--out", "report"))
    return lines


def _options(record: RunRecord) -> list[str]:
    """Return the options of a detection that are not the defaults; the thresholds always."""
    options = []
    for name, value in record.settings.of_run().items():
        field = DetectionSettings.model_fields.get(name)
        if field is None or name in HOW_COMPUTED or value is None or value == field.default:
            continue
        if isinstance(value, dict):
            text = ",".join(f"{event}={number}" for event, number in value.items())
        else:
            text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        options += [option_of(name), text]
    return options


def _changed(settings: ReportSettings) -> list[str]:
    options = []
    for name, field in ReportSettings.model_fields.items():
        value = getattr(settings, name)
        if value != field.default:
            options += [option_of(name), str(value)]
    return options


def _command(*words: str) -> str:
    return f"epifiji {shlex.join(words)}"
