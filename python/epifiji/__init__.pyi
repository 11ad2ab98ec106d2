from .bridge.fiji.open import open_imagej
from .bridge.imagej import ImageJ
from .data.errors import CancelledError, WrongInputError
from .data.events import Event
from .data.image import Image
from .data.movie import Movie
from .data.review import Action
from .engine.simulation.cysts import simulate_cyst
from .engine.simulation.movie import simulate
from .engine.volumes.instances import cells_of_maps
from .files.movies.movie_file import read_movie
from .files.movies.volume_file import read_volume
from .jobs.cells.around_events import measure_cells
from .jobs.cells.compare import compare_cells
from .jobs.cells.convert import convert_cells
from .jobs.cells.correct import correct_cells
from .jobs.cells.cyst_segmentation import CystSegmentation, segment_cysts
from .jobs.cells.cysts import MeasuredCyst, measure_cyst
from .jobs.cells.segmentation import Segmentation, segment
from .jobs.cells.split import split_cells
from .jobs.cells.volumes import VolumeCells, compare_volumes, segment_volume
from .jobs.events.detect import detect
from .jobs.events.export import export_events
from .jobs.events.from_maps import events_from_maps
from .jobs.events.pooled import pool_results
from .jobs.events.result import Result
from .jobs.events.review import decide, finish_review, start_review
from .jobs.events.statistics import event_statistics
from .jobs.events.trial import try_networks
from .jobs.export import export_network
from .jobs.movie_tools import crop, rescale_with_events, save_gallery
from .jobs.reports.write import report
from .jobs.scoring.calibrate import calibrate_scores
from .jobs.scoring.compare import compare
from .jobs.scoring.complete_check import complete_check
from .jobs.scoring.evaluate import evaluate
from .jobs.scoring.expected_scores import expected_scores
from .jobs.scoring.random_sample import draw_events
from .jobs.scoring.threshold_curve import threshold_curve
from .jobs.simulate import simulate_movies
from .jobs.simulate_cysts import simulate_cysts
from .jobs.studies.cartocell import cartocell
from .jobs.studies.cells import study_cells
from .jobs.training.train import retrain, train
from .jobs.training.volumes import train_cysts

__all__ = [
    "Action",
    "CancelledError",
    "CystSegmentation",
    "Event",
    "Image",
    "ImageJ",
    "MeasuredCyst",
    "Movie",
    "Result",
    "Segmentation",
    "VolumeCells",
    "WrongInputError",
    "calibrate_scores",
    "cartocell",
    "cells_of_maps",
    "compare",
    "compare_cells",
    "compare_volumes",
    "complete_check",
    "convert_cells",
    "correct_cells",
    "crop",
    "decide",
    "detect",
    "draw_events",
    "evaluate",
    "event_statistics",
    "events_from_maps",
    "expected_scores",
    "export_events",
    "export_network",
    "finish_review",
    "measure_cells",
    "measure_cyst",
    "open_imagej",
    "pool_results",
    "read_movie",
    "read_volume",
    "report",
    "rescale_with_events",
    "retrain",
    "save_gallery",
    "segment",
    "segment_cysts",
    "segment_volume",
    "simulate",
    "simulate_cyst",
    "simulate_cysts",
    "simulate_movies",
    "split_cells",
    "start_review",
    "study_cells",
    "threshold_curve",
    "train",
    "train_cysts",
    "try_networks",
]
