"""Movies with known events and images with known cells: as they were annotated, and as arrays at a network's scale.

The arrays have types of their own because rescaled events lie between frames and pixels, and what is known differs from
pixel to pixel.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from epifiji.data.cells import PackedLabels
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.image import Image
from epifiji.data.movie import Movie
from epifiji.data.network import NOTHING

Place = tuple[int, int, int]
"""Frame, y, x."""


@dataclass(frozen=True)
class AnnotatedMovie:
    """A movie and what is known of its events, in its own frames and pixels.

    Parameters
    ----------
    movie
        The movie. Its frames are read when they are sliced.
    events
        Its events, each once.
    nothing
        Places that look like an event and are none.
    undecided
        Places that may or may not be events, such as those that a review left open.
    classes
        The classes that were annotated, also those without an event. Nothing is known of other classes.
    complete
        True if `events` has all events of these classes, so that there are none elsewhere. False if nothing is known of
        places far from those above.
    cell_diameter, event_duration
        In pixels and in frames, as the movie's events were detected with; None if that is not known.
    notices
        Sentences about how the movie and its annotation were understood.
    """

    movie: Movie
    events: tuple[Event, ...]
    nothing: tuple[Event, ...] = ()
    undecided: tuple[Event, ...] = ()
    classes: tuple[str, ...] = ()
    complete: bool = True
    cell_diameter: float | None = None
    event_duration: float | None = None
    notices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The movie's name, which its ROI files begin with."""
        return self.movie.name

    @property
    def events_by_class(self) -> dict[str, list[Event]]:
        """The events of each annotated class, in their order."""
        return {name: [one for one in self.events if one.event == name] for name in self.classes}

    def counts(self) -> dict[str, int]:
        """Return the number of events of each class, and of places that are none if there are any."""
        found = {name: len(events) for name, events in self.events_by_class.items()}
        return found | ({NOTHING: len(self.nothing)} if self.nothing else {})


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """An image, or a movie, and its cells as they were annotated.

    Parameters
    ----------
    movie
        The image, or the movie; frames are read when they are sliced.
    cells
        (T, Y, X), int32, of the movie's shape: labels, or outlines as they were drawn. Compressed; index a frame to unpack it.
    file
        The file of the cells.
    corrected
        False if a network segmented the cells and nobody corrected them.
    """

    movie: Movie
    cells: PackedLabels
    file: Path
    corrected: bool = True

    @property
    def name(self) -> str:
        """The image's name."""
        return self.movie.name


@dataclass(frozen=True)
class TrainingMovie:
    """An annotated movie, or a part of one, at a network's scale, for training and validation.

    Classes are numbers from 0, in the network's order. Places are frame, y and x in `pixels`, between frames and pixels
    too.

    Parameters
    ----------
    pixels
        (T, Y, X), any real dtype.
    events
        (n, 4), float: class, frame, y, x.
    nothing
        (m, 3), float: places that look like an event and are none.
    known
        (T, Y, X), bool: where all events are known. Elsewhere `predicted` is learnt, or nothing. None: everywhere.
    annotated
        For each class whether its events are known in this movie; those of the other classes are learnt from
        `predicted`. None: all are.
    predicted
        (T, Y/4, X/4, n), uint8 in 0–255: probabilities that another network predicts for the first n classes. None:
        there are none.
    predicted_nothing_only
        True if `predicted` is learnt only where it says that nothing is there.
    name
        The movie's name.
    region
        The first frame, y and x at which events are scored, and those after the last. Events outside lie where the
        movie was cut. None: all events are scored.
    """

    pixels: np.ndarray
    events: np.ndarray
    nothing: np.ndarray
    known: np.ndarray | None = None
    annotated: tuple[bool, ...] | None = None
    predicted: np.ndarray | None = None
    predicted_nothing_only: bool = False
    name: str = "movie"
    region: tuple[Place, Place] | None = None

    @property
    def scored_region(self) -> tuple[Place, Place]:
        """The region in which events are scored."""
        t, y, x = self.pixels.shape
        return self.region or ((0, 0, 0), (t, y, x))

    def is_scored(self, places: np.ndarray) -> np.ndarray:
        """Return which places (n, 3) lie in the region in which events are scored: (n,), bool."""
        low, high = self.scored_region
        return np.asarray(np.logical_and(places >= low, places < high).all(1))

    def is_annotated(self, kind: int | None = None) -> bool:
        """Return whether the events of a class, or of all classes, are known in this movie."""
        if self.annotated is None:
            return True
        return all(self.annotated) if kind is None else self.annotated[kind]

    def is_known(self, place: np.ndarray, kind: int | None = None) -> bool:
        """Return whether it is known if an event of a class, or of any class, is at a place (3,); the nearest pixel decides."""
        if not self.is_annotated(kind):
            return False
        if self.known is None:
            return True
        pixel = np.clip(np.round(place).astype(int), 0, np.array(self.known.shape) - 1)
        return bool(self.known[tuple(pixel)])

    def sha256(self) -> str:
        """Return the hash of what is known of the movie, pixels included; what is predicted or scored is left out."""
        digest = hashlib.sha256()
        parts = (self.pixels, self.events, self.nothing, self.known)
        for values in (part for part in parts if part is not None):
            digest.update(str((values.shape, values.dtype)).encode())
            digest.update(np.ascontiguousarray(values).data)
        digest.update(str((self.annotated, self.predicted_nothing_only)).encode())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class TrainingField:
    """A frame with annotated cells, or a part of one, at a network's scale, for training and validation.

    Parameters
    ----------
    pixels
        (Y, X), float32 from 0 to 1; borders are brighter than cells.
    labels
        (Y, X), int32: the cell of each pixel, 0 for none. Cells meet without a line between them.
    known
        (Y, X), bool: where it is known what is there.
    name
        The image's name, with the frame's number for movies.
    """

    pixels: np.ndarray
    labels: np.ndarray
    known: np.ndarray
    name: str = "image"

    @property
    def cells(self) -> int:
        """Number of cells."""
        found = np.unique(self.labels)
        return int(np.count_nonzero(found))

    def sha256(self) -> str:
        """Return the hash of pixels and labels."""
        return _sha256_of(self.pixels, self.labels, self.known)


@dataclass(frozen=True, eq=False)
class LabelledVolume:
    """A volume and its annotated cells.

    Parameters
    ----------
    volume
        With the axes ZYX; planes are read when they are sliced.
    cells
        (Z, Y, X), int32: the cell of each voxel, 0 for none. Compressed; index a plane to unpack it.
    file
        The file of the cells; None if they came as an array.
    """

    volume: Image
    cells: PackedLabels
    file: Path | None = None

    @property
    def name(self) -> str:
        """The volume's name."""
        return self.volume.name

    def sha256(self) -> str:
        """Return the hash of the volume's pixels and of the labels."""
        return hashlib.sha256(f"{self.volume.sha256()} {_sha256_of(np.asarray(self.cells))}".encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class TrainingVolume:
    """A volume with annotated cells, for training and validation.

    Parameters
    ----------
    pixels
        (Z, Y, X), float32, about 0 to 1; contours of cells are brighter than cells.
    labels
        (Z, Y, X), int32: the cell of each voxel, 0 for none.
    name
        The volume's name.
    """

    pixels: np.ndarray
    labels: np.ndarray
    name: str = "volume"

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(np.count_nonzero(np.unique(self.labels)))

    def sha256(self) -> str:
        """Return the hash of pixels and labels."""
        return _sha256_of(self.pixels, self.labels)


def _sha256_of(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for values in arrays:
        digest.update(str((values.shape, values.dtype)).encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def require_no_background(labels: np.ndarray, whose: str) -> None:
    """Refuse labels of a volume (Z, Y, X), any whole numbers, whose background has another number than 0.

    PlantSeg's background is 1, that of others -1; it would be taken for a cell. No cell reaches all six sides of a volume that
    has other cells too.

    Parameters
    ----------
    whose
        What the sentence begins with.

    Raises
    ------
    WrongInputError
        If so.
    """
    if labels.size and labels.dtype.kind == "i" and labels.min() < 0:
        raise WrongInputError(
            f"{whose} has labels down to {labels.min()}, but 0 for no cell, and numbers above it for cells, are expected: "
            "set the background to 0."
        )
    sides = [set(np.unique(labels.take(place, axis)).tolist()) for axis in range(labels.ndim) for place in (0, -1)]
    everywhere = set.intersection(*sides) - {0}
    if everywhere and ((labels != min(everywhere)) & (labels != 0)).any():
        raise WrongInputError(
            f"{whose} has the label {min(everywhere)} on all six sides of the volume, which is its background, as in PlantSeg, "
            "but 0 is expected for no cell: set this label to 0."
        )
