"""Suggested settings of a detection after a trial, each with the reason in one sentence.

A trial has no annotation, so nothing here says which network is best. The suggested network is the default one, unless
it cannot be used at the place or misses what the others agree on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from epifiji.data.events import Event
from epifiji.data.settings.base import Settings
from epifiji.data.settings.detection import DetectionSettings
from epifiji.engine.metrics.events import match_events
from epifiji.engine.tiling.scaling import TOLERANCE
from epifiji.files.networks.default import default_name
from epifiji.jobs.events.trial import Trial, TriedNetwork

NEAR_THRESHOLD = 15 / 255
"""Finds whose score is at most this far above the threshold depend on it."""

NO_TRUTH = "agreement is no measure of accuracy, which needs annotated or reviewed events"


@dataclass(frozen=True)
class Suggestion:
    """A suggested value of a setting of detection.

    Parameters
    ----------
    setting
        Name of the setting.
    value
        As a macro or the dialog takes it; an empty text is the default.
    shown
        The value in words.
    reason
        One sentence.
    """

    setting: str
    value: str
    shown: str
    reason: str


def confirmed(one: TriedNetwork, others: Sequence[TriedNetwork]) -> tuple[Event, ...]:
    """Return the finds of a network that at least one other network also makes."""
    rest = [other.finds for other in others if other is not one]
    return tuple(event for event in one.finds if any(match_events([event], finds).pairs for finds in rest))


def suggested_network(trial: Trial) -> Suggestion | None:
    """Suggest a network; None if no network can be used at the place."""
    usable = [one for one in trial.networks if not one.problem]
    return _network(usable) if usable else None


def suggested_settings(trial: Trial, network: TriedNetwork) -> tuple[Suggestion, ...]:
    """Suggest scale, threshold and mode for one of the networks of a trial."""
    return _diameter(trial, network), _duration(trial, network), _threshold(network), _mode(trial)


def _network(usable: Sequence[TriedNetwork]) -> Suggestion:
    first, *others = usable
    if not others:
        return _of_network(first, "it is the only network that was tried, so there is nothing to compare it with.")
    best = max(usable, key=lambda one: len(confirmed(one, usable)))
    both, own = len(confirmed(first, usable)), len(first.finds)
    agreed = len(confirmed(best, usable))
    if not both and agreed >= 2:
        return _of_network(
            best,
            f"{agreed} of its {_finds(best)} here {_are(agreed)} also made by another network, and none of "
            f"{first.name}'s; {NO_TRUTH}.",
        )
    if not any(one.finds for one in usable):
        return _of_network(
            first,
            "no network finds an event here, so the trial shows no difference: try a place and frame with an event.",
        )
    if not own:
        return _of_network(
            first,
            f"{_why(first)}; it finds nothing here, and the finds of the other networks are too few to prefer one of them.",
        )
    return _of_network(
        first,
        f"{_why(first)}, and {both} of its {_finds(first)} here {_are(both)} also made by another network; {NO_TRUTH}.",
    )


def _of_network(one: TriedNetwork, reason: str) -> Suggestion:
    return Suggestion("network", one.name, one.name, reason[0].upper() + reason[1:])


def _why(one: TriedNetwork) -> str:
    return "it is the default network" if one.name == default_name() else "it is the first of these networks"


def _finds(one: TriedNetwork) -> str:
    return "1 find" if len(one.finds) == 1 else f"{len(one.finds)} finds"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _diameter(trial: Trial, network: TriedNetwork) -> Suggestion:
    own, diameter = network.description.cell_diameter_px, trial.cell_diameter
    if diameter is None:
        return Suggestion(
            "cell_diameter", "", "no rescaling",
            f"It was not estimated, because {trial.estimate}; give it if cells are not {_range(own)} px wide.",
        )  # fmt: skip
    um = f" ({diameter * trial.movie.pixel_size_um:.1f} µm)" if trial.movie.pixel_size_um else ""
    how = "Cells here are about" if trial.settings.cell_diameter == "auto" else "You gave"
    size = f"{how} {diameter:.1f} px{um}"
    if abs(diameter - own) <= TOLERANCE * own:
        return Suggestion(
            "cell_diameter", "", "no rescaling",
            f"{size}, close enough to the {own:g} px that {network.name} was trained for.",
        )  # fmt: skip
    return Suggestion(
        "cell_diameter", f"{diameter:.10g}", f"{diameter:.1f} px{um}",
        f"{size}, but {network.name} was trained for {own:g} px, so the movie is rescaled.",
    )  # fmt: skip


def _duration(trial: Trial, network: TriedNetwork) -> Suggestion:
    own, given, interval = (
        network.description.event_duration_frames,
        trial.settings.event_duration,
        trial.movie.frame_interval_s,
    )
    minutes = f" ({own * interval / 60:.3g} min)" if interval else ""
    if given is not None and abs(given - own) > TOLERANCE * own:
        return Suggestion(
            "event_duration", f"{given:.10g}", f"{given:g} frames",
            f"You gave it, and {network.name} was trained for {own:g} frames, so the movie is rescaled in time.",
        )  # fmt: skip
    return Suggestion(
        "event_duration", "", "no rescaling",
        f"A few frames give no estimate; {network.name} was trained for extrusions of {own:g} frames{minutes}: count the "
        f"frames of one here, and give its duration if it is not {_range(own)} frames.",
    )  # fmt: skip


def _range(own: float) -> str:
    return f"{own * (1 - TOLERANCE):.2g} to {own * (1 + TOLERANCE):.2g}"


def _threshold(network: TriedNetwork) -> Suggestion:
    near = sum(one.raw_score <= network.thresholds[one.event] / 255 + NEAR_THRESHOLD for one in network.finds)
    levels = sorted(set(network.thresholds.values()))
    shown = f"{levels[0]}" if len(levels) == 1 else f"{levels[0]} to {levels[-1]}, by class"
    if not network.finds:
        reason = "The network's own; without a find here there is no reason for another."
    elif near:
        reason = f"The network's own; {near} of {_finds(network)} here {_are(near)} close to it, as the slider shows."
    else:
        reason = f"The network's own; none of its {_finds(network)} here is close to it."
    return Suggestion("threshold", "", shown, reason)


def _mode(trial: Trial) -> Suggestion:
    mode, default = trial.settings.mode, _default(DetectionSettings, "mode")
    if mode == default:
        return Suggestion("mode", mode, mode, "The fastest mode, and the one that was tried here.")
    return Suggestion("mode", mode, mode, "The mode that was tried here.")


def _default(kind: type[Settings], name: str) -> object:
    return kind.model_fields[name].default
