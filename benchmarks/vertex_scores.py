"""Scores networks on movies of a vertex model, which no network is trained on; see vertex_movies.

    python benchmarks/vertex_scores.py epinet notum_all --json scores.json

Twelve plain and twenty hard movies of different sizes, lengths, cells and speeds; two hard ones each have mostly noise, blur,
drift, bleaching, a restless tissue, dark regions, a tissue's edge, lost frames, saturated pixels, or 14 to 25 frames. Networks
are given the cell diameter and the event duration. Events are matched one to one within 15 px, or 0.6 of the cell diameter
if that is more, and 4 frames.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import epifiji
from epifiji.data.movie import Movie
from epifiji.data.network import Network
from epifiji.files.networks.store import find_network, read_network
from epinet_scores import EVENTS, counts, scores_of
from vertex_movies.movie import HARSH, MadeMovie, hard, make, plain

OF_A_COURSE = 4.5 / 14
"""The event duration of networks, as the authors of DeXtrusion count it, of that from an extrusion's begin to its end."""

PLAIN, HARD = 12, 2 * len(HARSH)


def evaluate(network: Network, made: MadeMovie, mode: str) -> dict[str, Any]:
    """Return the counts of each class in a movie, and the processor's time (s)."""
    started = time.process_time()
    found = epifiji.detect(
        Movie(made.pixels),
        network,
        mode=mode,
        cell_diameter=made.look.diameter,
        event_duration=made.look.duration * OF_A_COURSE,
    ).events
    scale = max(1.0, made.look.diameter / 25)
    found_of: dict[str, Any] = {event: counts(found, made.events, event, scale) for event in EVENTS}
    return found_of | {"seconds": time.process_time() - started}


def summary(rows: dict[str, Any], movies: dict[str, MadeMovie]) -> dict[str, Any]:
    """Return precision, recall and F1 of each class with 95 % intervals over movies, and false events, plain and hard apart."""
    scored: dict[str, Any] = {}
    for group in ("plain", "hard"):
        titles = [title for title in rows if title.startswith(group)]
        if not titles:
            continue
        scored |= {f"{group}, {event}": found for event, found in scores_of(rows, titles).items()}
        false = sum(rows[title][event][1] for title in titles for event in EVENTS)
        units = sum(movies[title].cells * movies[title].look.frames for title in titles) / 1e4
        scored[f"{group}, false events"] = {"events": false, "of 100 cells and 100 frames": false / units}
    return scored


def chosen_movies(seed: int, counts: tuple[int, int], only: str | None) -> dict[str, MadeMovie]:
    """Make the movies, by their titles."""
    looks = {f"plain {n}": plain(seed + n) for n in range(counts[0])}
    for n in range(counts[1]):
        title = f"hard {n}, {HARSH[(seed + n) % len(HARSH)]}"
        looks[title] = hard(seed + n)
    return {title: make(look) for title, look in looks.items() if only is None or only in title}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", help="names, folders or zips")
    parser.add_argument("--seed", type=int, default=500_000, help="seed of the first movie of each kind")
    parser.add_argument("--plain", type=int, default=PLAIN, help="number of plain movies")
    parser.add_argument("--hard", type=int, default=HARD, help="number of hard movies")
    parser.add_argument("--only", help="only movies with this in their title, such as noise")
    parser.add_argument("--mode", default="fast", choices=("fast", "exact", "compatible"))
    parser.add_argument("--json", type=Path, help="write all counts and scores to this file")
    arguments = parser.parse_args()
    movies = chosen_movies(arguments.seed, (arguments.plain, arguments.hard), arguments.only)
    report: dict[str, Any] = {"settings": {title: asdict(made.look) for title, made in movies.items()}}
    for name in arguments.networks:
        network, rows = read_network(find_network(name)), {}
        for title, made in movies.items():
            rows[title] = evaluate(network, made, arguments.mode)
            print(name, title, rows[title], flush=True)
        report[name] = {"movies": rows, "scores": summary(rows, movies)}
        for title, scores in report[name]["scores"].items():
            print(name, title, json.dumps(scores), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
