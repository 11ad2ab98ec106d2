"""Export of events: as TrackMate's reader, napari's and QuPath expect them."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import roifile

import epifiji
from command_line import run_here
from epifiji.bridge.fiji.manager_events import events_of_manager
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.files.labels import write_labels
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.results.events_table import write_events
from epifiji.files.results.result_folder import write_record
from requests_of_fiji import ask

EVENTS = [
    Event("cell_division", 7, 10.25, 20, 0.5, 900),
    Event("cell_death", 2, 30, 40.5, 0.875, 800, True),
    Event("cell_death", 2, 5, 6, math.nan),
]
SHAPE = (12, 70, 80)
READ_BY_TRACKMATE = {
    "Model/FeatureDeclarations/SpotFeatures",
    "Model/FeatureDeclarations/EdgeFeatures",
    "Model/FeatureDeclarations/TrackFeatures",
    "Model/AllSpots",
    "Model/AllTracks",
    "Model/FilteredTracks",
    "Settings/ImageData",
    "Settings/BasicSettings",
    "Settings/DetectorSettings",
    "Settings/InitialSpotFilter",
    "Settings/SpotFilterCollection",
    "Settings/TrackerSettings",
    "Settings/TrackFilterCollection",
    "Settings/AnalyzerCollection/SpotAnalyzers",
    "Settings/AnalyzerCollection/EdgeAnalyzers",
    "Settings/AnalyzerCollection/TrackAnalyzers",
    "GUIState",
    "DisplaySettings",
    "Log",
}
"""Elements without which TrackMate's TmXmlReader reports an error."""
DIMENSIONS = {"NONE", "QUALITY", "POSITION", "TIME", "LENGTH", "COST"}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A result folder with three events, next to its calibrated movie with a name that XML has to escape."""
    movie = Movie(np.zeros(SHAPE, np.uint8), 'a & "b"', 0.5, 300.0)
    write_movie(movie, tmp_path / 'a & "b".tif')
    folder = tmp_path / 'a & "b"_epifiji'
    folder.mkdir()
    write_events(folder / "events.csv", EVENTS, 0.5, 300.0)
    file = str(tmp_path / 'a & "b".tif')
    recorded = {"name": movie.name, "file": file, "shape": SHAPE, "pixel_size_um": 0.5, "frame_interval_s": 300.0}
    write_record(folder / "run.json", {"movie": recorded, "scale": {"cell_diameter_px": 24.0}})
    return folder


class TestTrackMate:
    def test_everything_that_its_reader_needs_is_there(self, results):
        made = epifiji.export_events(results)
        root = ElementTree.parse(made.file).getroot()
        assert made.file == results / 'a & "b"_trackmate.xml'
        assert (made.count, made.notices, root.tag) == (3, (), "TrackMate")
        assert int(root.attrib["version"].split(".")[0]) >= 7
        assert [path for path in READ_BY_TRACKMATE if root.find(path) is None] == []
        every = root.findall("Model/FeatureDeclarations/*/Feature")
        assert all(set(one.attrib) == {"feature", "name", "shortname", "dimension", "isint"} for one in every)
        assert {one.attrib["dimension"] for one in every} <= DIMENSIONS
        assert {one.attrib["isint"] for one in every} <= {"true", "false"}
        declared = root.findall("Model/FeatureDeclarations/SpotFeatures/Feature")
        for spot in root.iter("Spot"):
            # The reader takes every other attribute as a number.
            features = {key: float(value) for key, value in spot.attrib.items() if key not in ("ID", "name")}
            assert features.keys() == {one.attrib["feature"] for one in declared}
        display = json.loads(root.findtext("DisplaySettings"))
        assert (display["spotColorByType"], display["spotColorByFeature"]) == ("SPOTS", "MANUAL_SPOT_COLOR")
        assert root.find("Settings/DetectorSettings").attrib == {"DETECTOR_NAME": "MANUAL_DETECTOR", "RADIUS": "6.0"}
        assert root.find("Settings/TrackerSettings").attrib == {"TRACKER_NAME": "MANUAL_TRACKER"}

    def test_positions_frames_scores_classes_and_the_movie(self, results):
        root = ElementTree.parse(epifiji.export_events(results).file).getroot()
        spots = {spot.attrib["name"]: spot.attrib for spot in root.iter("Spot")}
        death, unscored, division = (
            spots[name] for name in ("cell_death 2 (0.88)", "cell_death 1", "cell_division 1 (0.50)")
        )
        assert [float(death[f"POSITION_{axis}"]) for axis in "XYZT"] == [20.25, 15.0, 0, 600]
        assert [float(division[f"POSITION_{axis}"]) for axis in "XYZT"] == [10.0, 5.125, 0, 2100]
        assert (death["FRAME"], death["QUALITY"], death["EVENT_CLASS"], death["EVENT_BORDER"]) == (
            "2",
            "0.875",
            "1",
            "1",
        )
        assert (unscored["QUALITY"], division["EVENT_CLASS"], division["EVENT_VOLUME"]) == ("-1.0", "2", "900")
        assert int(death["MANUAL_SPOT_COLOR"]) & 0xFFFFFFFF == 0xFF000000 | int.from_bytes(bytes(colour("cell_death")))
        frames = {one.attrib["frame"]: len(one) for one in root.iter("SpotsInFrame")}
        assert (frames, root.find("Model/AllSpots").attrib) == ({"2": 2, "7": 1}, {"nspots": "3"})
        assert len({spot.attrib["ID"] for spot in root.iter("Spot")}) == 3
        assert root.find("Model").attrib == {"spatialunits": "µm", "timeunits": "sec"}
        image = root.find("Settings/ImageData").attrib
        assert Path(image["folder"], image["filename"]) == results.parent / 'a & "b".tif'
        assert [image[key] for key in ("width", "height", "nframes", "nslices")] == ["80", "70", "12", "1"]
        assert [float(image[key]) for key in ("pixelwidth", "pixelheight", "timeinterval")] == [0.5, 0.5, 300]
        assert root.find("Settings/BasicSettings").attrib["tend"] == "11"

    def test_without_a_record_the_movie_is_specified(self, results):
        (results / "run.json").unlink()
        with pytest.raises(WrongInputError, match="TrackMate needs the size of the movie"):
            epifiji.export_events(results)
        made = epifiji.export_events(results, movie=results.parent / 'a & "b".tif')
        assert ElementTree.parse(made.file).getroot().find("Settings/ImageData").attrib["nframes"] == "12"

    def test_a_movie_that_is_gone_or_shown_as_slices(self, results):
        record = json.loads((results / "run.json").read_text())
        record["movie"]["layout"] = {"time_axis": "Z"}
        write_record(results / "run.json", record)
        (results.parent / 'a & "b".tif').unlink()
        gone, slices = epifiji.export_events(results).notices
        assert "TrackMate will show the events on an empty image" in gone
        assert "set them as frames" in slices


def colour(event: str) -> tuple[int, int, int]:
    from epifiji.data.events import colour_of

    return colour_of(event)


class TestNapari:
    def test_the_layout_that_its_reader_recognises(self, results):
        assert run_here("export", str(results), "--format", "napari")[0] == 0
        with (results / 'a & "b"_napari.csv').open(newline="") as file:
            header, *rows = csv.reader(file)
        # napari takes a table with these columns as points, and the others as properties.
        assert header == ["index", "axis-0", "axis-1", "axis-2", "event", "score", "volume", "border", "raw_score"]
        table = np.array(rows)
        places = table[:, [name.startswith("axis-") for name in header]].astype(float)
        assert places.tolist() == [[event.frame, event.y, event.x] for event in EVENTS]
        assert table[:, 4].tolist() == [event.event for event in EVENTS]
        np.testing.assert_array_equal(table[:, 5].astype(float), [0.5, 0.875, math.nan])
        assert table[:, 6:8].astype(int).tolist() == [[900, 0], [800, 1], [0, 0]]


class TestGeoJson:
    def test_events_are_points_with_a_frame_and_a_class(self, results):
        read = json.loads(epifiji.export_events(results, format="geojson").file.read_text(encoding="utf-8"))
        assert read["type"] == "FeatureCollection"
        division = read["features"][-1]
        assert division["geometry"] == {
            "type": "Point",
            "coordinates": [20.5, 10.75],
            "plane": {"c": -1, "z": 0, "t": 7},
        }
        assert division["properties"]["classification"] == {
            "name": "cell_division",
            "color": list(colour("cell_division")),
        }
        assert division["properties"]["measurements"] == {"score": 0.5, "raw score": 0.5, "volume": 900, "at border": 0}
        assert len({one["id"] for one in read["features"]}) == 3

    def test_cells_are_polygons_around_their_pixels(self, tmp_path):
        labels = np.zeros((2, 9, 9), np.int32)
        labels[1, 2:5, 3:7] = 4
        write_labels(tmp_path / "im_labels.tif", labels)
        write_record(tmp_path / "run.json", {"task": "cells", "movie": {"name": "im"}})
        made = epifiji.export_events(tmp_path, format="geojson")
        (cell,) = json.loads(made.file.read_text())["features"]
        assert made.file == tmp_path / "im.geojson"
        assert cell["geometry"]["plane"]["t"] == 1
        (ring,) = cell["geometry"]["coordinates"]
        assert ring[0] == ring[-1]
        assert {tuple(corner) for corner in ring} == {(3, 2), (7, 2), (7, 5), (3, 5)}
        with pytest.raises(WrongInputError, match="contains the cells of a segmentation"):
            epifiji.export_events(tmp_path, format="napari")


class TestFiles:
    def test_nothing_is_overwritten_without_permission(self, results):
        first = epifiji.export_events(results, format="napari").file
        with pytest.raises(WrongInputError, match="would be overwritten"):
            epifiji.export_events(results, format="napari")
        assert epifiji.export_events(results, format="napari", overwrite=True).file == first

    def test_events_of_a_list_need_a_file(self, tmp_path):
        with pytest.raises(WrongInputError, match="specify --out FILE"):
            epifiji.export_events(EVENTS, format="napari")
        made = epifiji.export_events(EVENTS, tmp_path / "new" / "points.csv", "napari")
        assert made.file.read_text().count("\n") == 4

    def test_a_request_of_fiji(self, results):
        answered = ask("export", {"settings": {"results": str(results), "format": "napari"}})
        assert answered["result"]["said"] == f'3 exported: {results}/a & "b"_napari.csv'
        said = ask("export", {"settings": {"format": "napari"}})["error"]
        assert said == (
            "The open movie has neither a result folder nor events in the ROI Manager: detect events first, or give "
            "results=[folder]."
        )

    @pytest.mark.parametrize("form", ["trackmate", "napari", "geojson"])
    @pytest.mark.usefixtures("results")
    def test_events_in_the_roi_manager_are_exported(self, tmp_path, form):
        for number, one in enumerate(EVENTS, 1):
            named = f"{one.event} {number}"
            place = np.array([[one.x, one.y]])
            roi = roifile.ImagejRoi.frompoints(place, name=named, t=one.frame)
            roi.roitype, roi.t_position = roifile.ROI_TYPE.POINT, one.frame + 1
            roi.tofile(tmp_path / "manager.zip", mode="a")
        image = {
            "title": "open.tif",
            "shape": SHAPE,
            "layout": None,
            "file": str(tmp_path / 'a & "b".tif'),
            "calibration": {
                "pixel_width": 0.5, "pixel_height": 0.5, "x_unit": "um", "y_unit": "um", "interval": 5, "time_unit": "min",
            },
        }  # fmt: skip
        request = {"settings": {"format": form}, "manager": str(tmp_path / "manager.zip"), "image": image}
        (made,) = re.findall("3 exported: (.+)", ask("export", request)["result"]["said"])
        assert Path(made).parent == tmp_path
        events, _ = events_of_manager(request["manager"], "export", image)
        places = [[(one.event, one.frame, one.y, one.x) for one in group] for group in (events, EVENTS)]
        assert sorted(places[0]) == sorted(places[1])
        expected = epifiji.export_events(events, tmp_path / "expected", form, image["file"]).file
        assert Path(made).read_text(encoding="utf-8") == expected.read_text(encoding="utf-8")

    def test_an_unknown_format_is_refused(self, results):
        with pytest.raises(WrongInputError, match="format is 'csv'"):
            epifiji.export_events(results, format="csv")
