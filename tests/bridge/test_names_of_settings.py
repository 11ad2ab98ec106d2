"""Networks, events and output places are defined once, with the same names on the command line, in Fiji and in Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import epifiji
from epifiji.bridge.cli.main import app
from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.commands import COMMANDS
from epifiji.bridge.fiji.dialogs import described
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.settings import cyst_jobs, jobs
from epifiji.data.settings.base import Settings, parse_settings, shown_of
from epifiji.data.settings.detection import DetectionSettings
from epifiji.data.settings.evaluation import EvaluationSettings
from epifiji.jobs.cells.around_result import CellsAroundEvents
from epifiji.jobs.cells.compare import CellComparison
from epifiji.jobs.events.pooled import Pooled
from epifiji.jobs.events.statistics_result import Statistics
from epifiji.jobs.movie_tools import MovieWithEvents
from epifiji.jobs.scoring.compare import Comparison
from epifiji.jobs.scoring.report import Evaluation

COMMON = {"network", "events", "out", "overwrite"}

JOBS: list[tuple[type[Settings], str, str | None, tuple[Callable[..., Any], ...]]] = [
    (jobs.DetectionJob, "detect", commands.DETECT, (epifiji.detect, epifiji.Result.save)),
    (jobs.DetectionJob, "demo", None, ()),
    (jobs.MapsJob, "rois", None, (epifiji.events_from_maps, epifiji.Result.save)),
    (jobs.ComparisonJob, "compare", commands.COMPARE, (epifiji.compare, Comparison.save)),
    (jobs.CellCorrectionJob, "correct-cells", None, (epifiji.correct_cells,)),
    (jobs.CellConversionJob, "convert-cells", commands.CONVERT, (epifiji.convert_cells,)),
    (jobs.CellSplitJob, "split-cells", commands.SPLIT, (epifiji.split_cells,)),
    (jobs.CellComparisonJob, "compare-cells", commands.COMPARE_CELLS, (epifiji.compare_cells, CellComparison.save)),
    (jobs.EvaluationJob, "evaluate", commands.EVALUATE, (epifiji.evaluate, Evaluation.save)),
    (jobs.StatisticsJob, "plot", commands.PLOT, (epifiji.event_statistics, Statistics.save)),
    (jobs.PoolJob, "pool", None, (epifiji.pool_results, Pooled.save)),
    (jobs.EventExportJob, "export", commands.EXPORT, (epifiji.export_events,)),
    (jobs.ReportJob, "report", commands.REPORT, (epifiji.report,)),
    (jobs.CellsAroundJob, "cells", commands.CELLS_AROUND, (epifiji.measure_cells, CellsAroundEvents.save)),
    (jobs.TrainingJob, "train", commands.TRAIN, (epifiji.train,)),
    (
        cyst_jobs.CystSegmentationJob,
        "segment-cysts",
        None,
        (epifiji.segment_cysts, epifiji.CystSegmentation.save),
    ),
    *(
        (cyst_jobs.CartoCellJob, f"cartocell {action}", None, (epifiji.cartocell,))
        for action in ("train", "predict", "run")
    ),
    (cyst_jobs.CystTrainingJob, "train-cysts", None, (epifiji.train_cysts,)),
    (jobs.RetrainingJob, "retrain", commands.RETRAIN, (epifiji.retrain,)),
    (jobs.NewMovieJob, "crop", commands.CROP, (epifiji.crop, MovieWithEvents.save)),
    (jobs.NewMovieJob, "rescale", commands.RESCALE, (epifiji.rescale_with_events, MovieWithEvents.save)),
    (jobs.GalleryJob, "gallery", commands.GALLERY, (epifiji.save_gallery,)),
    (jobs.SimulationJob, "simulate", None, (epifiji.simulate_movies,)),
    (jobs.SimulationJob, "simulate cysts", None, (epifiji.simulate_cysts,)),
    (jobs.ExportJob, "networks export", commands.EXPORT_NETWORK, (epifiji.export_network,)),
    (jobs.NewNetworkJob, "networks import", commands.IMPORT, ()),
    (jobs.NewNetworkJob, "networks fetch", commands.FETCH, ()),
]


def parameters_of(path: str) -> dict[str, Any]:
    command: Any = typer.main.get_command(app)
    for name in path.split():
        command = command.commands[name]
    return {parameter.name: parameter for parameter in command.params}


@pytest.mark.parametrize(("job", "path"), [(job, path) for job, path, *_ in JOBS])
def test_the_command_line_has_an_option_for_every_setting_of_the_job(job: type[Settings], path: str) -> None:
    parameters = parameters_of(path)
    for name, field in job.model_fields.items():
        parameter = parameters[name]
        if parameter.param_type_name == "option":
            assert parameter.opts == [f"--{name.replace('_', '-')}"]
            assert parameter.help.startswith(field.description)
            assert parameter.is_flag == (field.annotation is bool)
        assert not parameter.default, "the default is the setting's own, and nothing is replaced or chosen by default"


@pytest.mark.parametrize(("job", "label"), [(job, label) for job, _, label, _ in JOBS if label])
def test_fijis_command_has_the_settings_of_the_job(job: type[Settings], label: str) -> None:
    fields = COMMANDS[label].model_fields
    assert {name: repr(fields[name]) for name in job.model_fields} == {
        name: repr(field) for name, field in job.model_fields.items()
    }


@pytest.mark.parametrize(("job", "functions"), [(job, functions) for job, *_, functions in JOBS if functions])
def test_python_has_the_settings_of_the_job_by_the_same_names(job: type[Settings], functions: tuple) -> None:
    parameters = {p.name: p for one in functions for p in inspect.signature(one).parameters.values()}
    for name in COMMON & set(job.model_fields):
        assert name in parameters
        if parameters[name].default is not inspect.Parameter.empty:
            assert parameters[name].default == job.model_fields[name].default
    for older in (name for field in job.model_fields.values() for name in shown_of(field).also):
        assert older not in parameters


def test_evaluation_and_detection_know_events_and_network_everywhere() -> None:
    for kind in (DetectionSettings, EvaluationSettings):
        assert "events" in kind.model_fields
    for label in (commands.DETECT, commands.EVALUATE, commands.RETRAIN):
        assert COMMANDS[label].model_fields["network"].default is None
    for function in (epifiji.detect, epifiji.evaluate, epifiji.train, epifiji.retrain, epifiji.export_network):
        assert "network" in inspect.signature(function).parameters


def test_no_command_of_fiji_has_another_name_for_a_place_to_write_to() -> None:
    for label in COMMANDS:
        parameters = {one["key"]: one for one in described(label)["parameters"]}
        assert not {"output", "begin_with"} & parameters.keys()
        if "out" in parameters:
            assert parameters["out"]["also"] == ["output"]
            assert parameters["out"]["kind"] in ("file", "folder")


@pytest.mark.parametrize(
    ("label", "older", "name", "value"),
    [
        *((label, "output", "out", "there") for label in COMMANDS if "out" in COMMANDS[label].model_fields),
        (commands.TRAIN, "begin_with", "network", "mine"),
        *((label, "results", "events", ("found",)) for label in (commands.CROP, commands.RESCALE, commands.GALLERY)),
    ],
)
def test_older_names_are_accepted(label: str, older: str, name: str, value: Any) -> None:
    given = value[0] if isinstance(value, tuple) else value
    new, old = (parse_settings(COMMANDS[label], {key: given}) for key in (name, older))
    assert getattr(new, name) == value
    assert old == new
    assert old.model_fields_set == {name}


def test_a_setting_by_both_of_its_names_is_refused() -> None:
    for given in ({"out": "a", "output": "b"}, {"output": "b", "out": "a"}):
        with pytest.raises(
            WrongInputError, match="^out and output are one setting, but both were given: leave output out"
        ):
            parse_settings(COMMANDS[commands.DETECT], given)


EVENTS = [Event("cell_death", 4, 20.0, 20.0, 0.9)]


def test_pythons_older_names_are_accepted(tmp_path: Path) -> None:
    movie = np.zeros((8, 40, 40), np.uint8)
    part = epifiji.crop(movie, EVENTS, width=30)
    assert part.save(folder=tmp_path / "a") == [tmp_path / "a" / file.name for file in part.save(out=tmp_path / "b")]
    comparison = epifiji.compare(EVENTS, EVENTS)
    assert comparison.save(folder=tmp_path / "a") == tmp_path / "a"
    assert comparison.save(out=tmp_path / "b") == comparison.save(tmp_path / "b", True) == tmp_path / "b"
    assert epifiji.save_gallery(movie, EVENTS, file=tmp_path / "old.png") == 1
    assert epifiji.save_gallery(movie, EVENTS, out=tmp_path / "new.png") == 1
    assert (tmp_path / "old.png").read_bytes() == (tmp_path / "new.png").read_bytes()
    for name in ("path", "out"):
        with pytest.raises(WrongInputError, match=r"a\.txt ends with \.txt, but a network is exported as \.onnx"):
            epifiji.export_network("epinet", **{name: "a.txt"})
    for name in ("networks", "network"):
        with pytest.raises(WrongInputError, match="there is no network 'nowhere'"):
            epifiji.evaluate(**{name: "nowhere"}, folder=tmp_path)
    for name in ("folder", "out"):
        with pytest.raises(WrongInputError, match="movies is 0, but it must be a whole number from 1"):
            epifiji.simulate_movies(**{name: tmp_path}, movies=0)


def test_a_place_by_both_of_pythons_names_is_refused(tmp_path: Path) -> None:
    comparison = epifiji.compare(EVENTS, EVENTS)
    with pytest.raises(TypeError, match="folder"):
        comparison.save(out=tmp_path, folder=tmp_path)
    with pytest.raises(TypeError, match="multiple values for argument 'out'"):
        comparison.save(tmp_path, folder=tmp_path)
    assert not list(tmp_path.iterdir())
