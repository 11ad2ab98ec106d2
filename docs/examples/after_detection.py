"""After a detection, in Python: score, review, other thresholds, comparisons, plots, a part of the movie, a gallery.

    python after_detection.py movie.tif movie_epifiji results

Each of these is also a command of Plugins > EpiFiji.
"""

import sys
from pathlib import Path

import epifiji
from epifiji import Action


def main(movie_file: str, detected: str, results: str) -> None:
    # 1. A random sample of events, to be scored.
    events = epifiji.events_from_maps(detected, threshold=150).events
    sample = epifiji.draw_events(events, number=5)
    print(f"to be scored: {len(sample.events)} of {len(events)}")

    # 2. A review: every decision is written to review.csv at once. None undoes the last one.
    file, review = epifiji.start_review(detected)
    for number, item in enumerate(review.items):
        epifiji.decide(file, review, Action(number, "keep" if item.event.score > 0.6 else "reject"))
    epifiji.decide(file, review, None)
    epifiji.decide(file, review, Action(len(review.items) - 1, "reject"))
    summary = epifiji.finish_review(file)
    print(f"kept: {summary.counts['all']['kept']}, precision {summary.precision['all'].value:.2f}")
    reviewed = Path(detected) / "reviewed"

    # 3. Detected events compared with reviewed ones, also over the threshold.
    comparison = epifiji.compare(detected, reviewed)
    comparison.save(f"{results}/comparison")
    epifiji.threshold_curve(detected, reviewed).save(f"{results}/curve")

    # 4. Plots and tables; a part of the movie with its events; a gallery.
    epifiji.event_statistics(reviewed, movie_file).save(f"{results}/plots")
    epifiji.crop(movie_file, reviewed, width=60, height=50).save(f"{results}/part")
    epifiji.save_gallery(movie_file, reviewed, f"{results}/gallery.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
