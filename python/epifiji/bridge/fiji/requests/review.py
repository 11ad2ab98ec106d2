"""The jobs of the review in ImageJ: begin it, record a decision or undo one, and end it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.commands import ReviewCommand
from epifiji.bridge.fiji.manager_events import events_of_manager
from epifiji.bridge.fiji.requests.registry import Answer, Request, job
from epifiji.bridge.fiji.shown_events import BETWEEN_EVENTS, BETWEEN_VALUES, events_of_text, movie_key, text_of_event
from epifiji.data.errors import WrongInputError
from epifiji.data.events import EVENT_COLOURS, Event, colour_of, group_of, repeats_notice, without_repeats
from epifiji.data.opinions import Opinion, by_disagreement, opinions_of
from epifiji.data.record import RunRecord
from epifiji.data.review import Action, Item, Review, order_of, place_to_go_on
from epifiji.data.settings.base import parse_settings
from epifiji.data.stack_layout import StackLayout
from epifiji.files.results.opinions import opinions_file, read_opinions, require_opinions
from epifiji.files.results.places import folder_of

_open: dict[Path, tuple[int, Review]] = {}
"""Reviews as they were written last, with their files' times. A review is read again if its file has changed."""


@job("review_begin", commands.REVIEW)
def begin(request: Request) -> Answer:
    """Begin a review or continue it.

    The request has ``settings`` by key. If there are no results, ``manager`` is a zip of the ROI Manager's ROIs, and
    ``beside`` the default folder for their review.
    """
    from epifiji.jobs.events.review import start_review

    command = parse_settings(ReviewCommand, request["settings"])
    events, results, notices = read_events(command.results, request.get("manager"), request.get("image"))
    folder = command.review or results or request.get("beside")
    if folder is None:
        raise WrongInputError(
            "The movie was not opened from a file, so there is no folder for its review: give --review DIR."
        )
    path, review = start_review(events, folder)
    wanted = command.events
    measured = _required(results) if command.order == "disagreement" else _measured(results)
    opinions = opinions_of(review.detected, measured) if command.order == "disagreement" else ()
    order = order_of(review, command.order, wanted, command.seed, opinions)
    answer = review_answer(path, review, path.parent, order, notices)
    classes = [kind["name"] for kind in answer["classes"]]
    for name in wanted or ():
        if name not in classes:
            raise WrongInputError(f"There are no events of the class {name!r}: the classes are {', '.join(classes)}.")
    return answer | {
        "opinions": _opinions(review, measured),
        "settings": command.model_dump(include={"before", "after", "half_size", "zoom", "loop", "only_kept"}),
    }


def read_events(
    results: str | None, manager: str | None, image: dict[str, Any] | None
) -> tuple[list[Event], Path | None, tuple[str, ...]]:
    """Read the events of results or, without results, of a zip of the ROI Manager's ROIs, without duplicates.

    Returns
    -------
    list of Event
        The events.
    Path or None
        The folder of their record; None for ROIs of the manager.
    tuple of str
        Notices about assumptions, and about duplicates that were left out.

    Raises
    ------
    WrongInputError
        If there are neither results nor ROIs.
    """
    from epifiji.files.event_sources import read_events_of

    if results is None:
        events, notices = events_of_manager(manager, "review", image)
        return events, None, notices
    place = Path(results)
    if not place.exists():
        raise WrongInputError(f"{place} does not exist, but a result folder or a ROI zip is needed: check the path.")
    assumed: list[str] = []
    events, repeats = without_repeats(read_events_of(place, None, assumed))
    return events, folder_of(place), (*assumed, *repeats_notice("the review", repeats))


@job("navigate", commands.REVIEW)
def navigate(request: Request) -> Answer:
    """Begin or continue a review for the navigator, which writes nothing before the first decision.

    The request has ``results``, or ``events`` (a text, as in the answer) and ``beside``, the folder for their review or
    None. The answer has a ``problem``, a sentence or None; if it is a sentence, no decision can be recorded. ``detected``
    has the texts of corrected events as they were detected, by index, and ``maps`` is true if probability maps are kept.
    ``opinions`` are the second opinions, and ``opinions_file`` is where the next ones will be, None if results are not saved.
    """
    path, review, results, problem = _navigated(request.values)
    corrected = {
        index: text_of_event(item.detected)
        for index, item in enumerate(review.items)
        if item.detected is not None and item.event != item.detected
    }
    answer = review_answer(path, review, results, order_of(review, "time"), write=False)
    return answer | {
        "problem": problem,
        "detected": corrected,
        "maps": _maps_in(request.get("results")),
        "opinions": _opinions(review, _measured(results)),
        "opinions_file": str(opinions_file(results)) if results is not None else None,
    }


@job("opinions", commands.REVIEW)
def opinions(request: Request) -> Answer:
    """Read the second opinions on the events of a navigator; the request is that for ``navigate``.

    The answer has ``opinions``, as that of ``navigate``. Results without any are refused.
    """
    _, review, results, _ = _navigated(request.values)
    return {"opinions": _opinions(review, _required(results))}


def _navigated(values: dict[str, Any]) -> tuple[Path | None, Review, Path | None, str | None]:
    """Return file and review of a navigator's events, the folder of their record, and why no decision can be recorded."""
    events, results = _events_to_navigate(values)
    try:
        path, review = _started(events, results or values.get("beside"))
    except WrongInputError as error:
        return None, Review(without_repeats(events)[0]), results, str(error)
    return path, review, results, None


def _required(results: Path | None) -> list[tuple[Event, Opinion]]:
    """Read the second opinions on the events of results, and refuse results without any."""
    if results is None:
        raise WrongInputError(
            "Events are sorted by whether the cells around them disagree, but these are only measured for saved results: save "
            "the results next to the movie, and measure the cells around the events first."
        )
    return require_opinions(results)


def _measured(results: Path | None) -> list[tuple[Event, Opinion]]:
    """Read the second opinions on the events of results; none without a readable measurement."""
    try:
        return read_opinions(results) if results is not None else []
    except (WrongInputError, OSError):
        return []


def _opinions(review: Review, measured: list[tuple[Event, Opinion]]) -> str:
    """Write second opinions as a text, in the order of disagreement: index and class of the event, verdict, reason."""
    if not measured:
        return ""
    known = opinions_of(review.detected, measured)
    texts = []
    for index in by_disagreement(known):
        if (opinion := known[index]) is not None:
            values = (
                str(index),
                review.detected[index].event,
                opinion.verdict,
                opinion.reason.replace(BETWEEN_EVENTS, " "),
            )
            texts.append(BETWEEN_VALUES.join(values))
    return BETWEEN_EVENTS.join(texts)


def _maps_in(place: str | None) -> bool:
    """Return whether there are probability maps from which events can be made again."""
    from epifiji.files.results.result_folder import find_maps

    try:
        return bool(place and find_maps(folder_of(Path(place)))[1])
    except WrongInputError:
        return False


def _events_to_navigate(values: dict[str, Any]) -> tuple[list[Event], Path | None]:
    """Return the events of a request, and the folder of their record; None if they are not saved."""
    if values.get("results"):
        events, results, _ = read_events(values["results"], None, None)
        return events, results
    return events_of_text(values["events"]), None


def _started(events: list[Event], folder: str | Path | None) -> tuple[Path, Review]:
    """Begin or continue the review of events in a folder."""
    from epifiji.jobs.events.review import start_review

    if folder is None:
        raise WrongInputError(
            "The movie was not opened from a file, so there is no folder for its review: save the movie first."
        )
    return start_review(events, folder)


def review_answer(
    path: Path | None,
    review: Review,
    results: Path | None,
    order: Sequence[int],
    notices: Sequence[str] = (),
    write: bool = True,
) -> Answer:
    """Return what the window needs of a review: its events, the `order` to show them in, the classes and the movie.

    With `write` the review is written to the file `path` here. So a later decision can be recorded by any process.
    """
    from epifiji.files.results.movie_identity import find_movie
    from epifiji.files.results.result_folder import read_record
    from epifiji.files.results.reviews import write_review

    record = read_record(results) if results is not None else RunRecord()
    if path is not None:
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_review(path, review)
        _open[path] = _time(path), review
    known = record.settings.events or EVENT_COLOURS
    classes = list(dict.fromkeys([*known, *(item.event.event for item in review.items)]))
    return {
        "review": str(path) if path is not None else None,
        "items": BETWEEN_EVENTS.join(map(_text_of, review.items)),
        "order": list(order),
        "place": place_to_go_on(review, order) if order else 0,
        "classes": [{"name": n, "colour": colour_of(n, classes), "group": group_of(n, classes)} for n in classes],
        "movie": find_movie(record, results) if results is not None else None,
        "shape": record.movie.shape,
        "movie_key": movie_key(record.movie.sha256, record.movie.file, results),
        "notices": list(notices),
        **_state(review),
    }


@job("review_act", commands.REVIEW)
def act(request: Request) -> Answer:
    """Record a decision, or undo the last one.

    The request has ``review`` (the file), ``what`` (the kind of decision, or ``undo``), ``item`` (its number),
    ``event`` if it was changed, and ``seconds``. If this process does not know the review, because an earlier one died,
    the file is read. If nothing was written yet, the request also has ``begin``, the request for ``navigate``.
    """
    from epifiji.jobs.events.review import decide

    path, begin = Path(request["review"]), request.get("begin")
    if not path.parent.is_dir() and (begin is None or begin.get("results")):
        raise WrongInputError(
            f"{path.parent} is not there any more, so nothing was written: move the folder back, or open the events "
            "from where they are now."
        )
    review = _review(path, begin)
    action = None
    if request["what"] != "undo":
        event, number = request.get("event"), int(request["item"])
        known = review.event(number) if request["what"] in ("class", "move") else None
        after = _event(event, known) if event else None
        action = Action(number, request["what"], after, float(request["seconds"]))
    item = decide(path, review, action)
    _open[path] = _time(path), review
    items = review.items
    changed = _text_of(items[item]) if item is not None and item < len(items) else None
    return {"item": item, "now": changed, "count": len(items), **_state(review)}


@job("review_end", commands.REVIEW)
def end(request: Request) -> Answer:
    """Write the results of a review.

    The request has ``review`` (the file), and ``movie`` (its name, used if ``run.json`` has none). A review without
    decisions is deleted, and with it what earlier ones, undone since, had left.
    """
    from dataclasses import asdict

    from epifiji.files.results.result_folder import read_record
    from epifiji.jobs.events.review import drop_review, finish_review

    path = Path(request["review"])
    name = None if read_record(path.parent).movie.name else request.get("movie")
    if not (review := _review(path)).actions:
        drop_review(path, review, name)
        return {"files": [], "counts": {}, "precision": {}, "folder": None}
    layout = (request.get("image") or {}).get("layout")
    summary = finish_review(path, name, StackLayout(**layout) if layout else None)
    return {
        "files": [str(file) for file in summary.files],
        "folder": str(summary.files[0].parent) if summary.files else None,
        "counts": summary.counts,
        "precision": {
            name: asdict(found) | {"value": found.value, "interval": found.interval}
            for name, found in summary.precision.items()
        },
    }


def _review(path: Path, begin: dict[str, Any] | None = None) -> Review:
    """Return a review as it was written last; one that may not have been written is begun as the request `begin` says."""
    from epifiji.files.results.reviews import read_review

    if path not in _open or _open[path][0] != _time(path):
        review = read_review(path) if begin is None else _started(_events_to_navigate(begin)[0], path.parent)[1]
        _open[path] = _time(path), review
    return _open[path][1]


def _time(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _event(event: dict[str, Any], known: Event | None) -> Event:
    """Return an event as a person placed it; one that was detected keeps its scores."""
    placed = {"event": event["event"], "frame": int(event["frame"]) - 1, "y": float(event["y"]), "x": float(event["x"])}
    return Event(**placed) if known is None else replace(known, **placed)


def _text_of(item: Item) -> str:
    return text_of_event(item.event, item.decision, item.detected is None)


def _state(review: Review) -> Answer:
    precision = review.precision()
    return {
        "done": review.decided,
        "steps": len(review.actions),
        "correct": precision.correct,
        "judged": precision.judged,
        "interval": precision.interval,
    }
