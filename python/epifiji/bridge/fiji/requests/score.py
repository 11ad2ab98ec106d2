"""The jobs that score events at random, which draw the events and report how many are correct, and that estimate scores.

The decisions of the first are those of a review in a temporary folder. Nothing is written next to the results, and no decision is
lost if a worker dies.
"""

from __future__ import annotations

from pathlib import Path

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.client_folder import chosen_or_shown_folder, client_folder
from epifiji.bridge.fiji.commands import EstimateScoresCommand, ScoreCommand
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.bridge.fiji.requests.review import read_events, review_answer
from epifiji.data.errors import WrongInputError
from epifiji.data.review import Review
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.scoring import ExpectedScoresSettings


@job("score_begin", commands.SCORE)
def begin_score(request: Request) -> Answer:
    """Draw events at random.

    The request has ``settings`` by key, and ``manager``, a zip of the ROI Manager's ROIs, if there are no results.
    """
    from epifiji.files.results.reviews import REVIEW
    from epifiji.jobs.scoring.random_sample import draw_events, require_place

    command = parse_settings(ScoreCommand, request["settings"])
    if command.out is not None:
        require_place(command.out, command.overwrite)
    events, results, notices = read_events(command.results, request.get("manager"), request.get("image"))
    sample = draw_events(events, command.number, command.events, command.each_class, command.seed)
    review = Review(sample.events)
    with client_folder("score") as folder:
        answer = review_answer(folder / REVIEW, review, results, range(len(sample.events)), notices)
    return {
        **answer,
        "settings": command.model_dump(include={"before", "after", "half_size", "zoom", "loop"}),
        "totals": dict(sample.totals),
        "title": "Score Events at Random",
        "fixed": True,
    }


@job("score_end", commands.SCORE)
def end_score(request: Request) -> Answer:
    """Report the precision.

    The request has ``settings`` by key, and ``review`` and ``totals`` from the answer of ``score_begin``.
    """
    from epifiji.files.results.reviews import read_review
    from epifiji.jobs.scoring.random_sample import COLUMNS, score_table, write_score

    command = parse_settings(ScoreCommand, request["settings"])
    review = read_review(Path(request["review"]))
    rows = score_table(review, request["totals"], command.each_class)
    file = None
    if command.out is not None and review.precision().judged:
        file = str(write_score(command.out, rows))
    return {"columns": COLUMNS, "rows": rows, "judged": review.precision().judged, "file": file}


@job("estimate_scores", commands.ESTIMATE)
def estimate_scores(request: Request) -> Answer:
    """Estimate the scores of all events from a review. The request has ``settings`` by key, and ``headless``."""
    from epifiji.files.storage.writable import require_absent
    from epifiji.jobs.scoring.expected_scores import FILES, expected_scores

    command = parse_settings(EstimateScoresCommand, request["settings"])
    if command.results is None:
        raise WrongInputError("No results were specified, but a review of some events is needed: give --results DIR.")
    if command.out is not None:
        require_absent(Path(command.out), FILES, command.overwrite)
    found = expected_scores(command.results, **settings_of(command, ExpectedScoresSettings))
    with chosen_or_shown_folder(command.out, "scores", not request.get("headless")) as folder:
        files = found.save(folder, command.overwrite) if folder is not None else []
    name = Path(command.results).name
    return {
        "name": name,
        "pictures": [str(file) for file in files if file.suffix == ".png"],
        "titles": [f"{name}-expected_scores"],
        "columns": found.columns(),
        "rows": found.rows(),
        "notices": list(found.notices),
        "said": found.recommendations(),
    }
