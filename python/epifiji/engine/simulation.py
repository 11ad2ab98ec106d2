"""A movie of an epithelium with true events, from a seed.

Cells are those of a power diagram on a torus that is larger than the field of view: the point x belongs to the
cell with the least ``s·|x − p|² − w``, where p is the cell's site, w its weight and s its roundness (1 for most
cells; a larger value gives a cell curved, outward edges). In every frame the weights follow target areas and the
sites follow their cells' centroids, a smooth flow and a jitter. The picture is made from the distance to the
nearest edge, as E-cadherin at the junctions would look.

The events' brightness and courses are chosen such that networks trained on pupal notum recognise them: the SOP's
compact bright spot especially is a picture that such a network answers to, not a model of asymmetric division.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import MIN_FRAMES, Movie

FloatArray = np.ndarray

EDGE_FRAMES = 6
"""No event lies in so many first and last frames."""
EDGE_DIAMETERS = 1.4
"""No event lies nearer to the field's edge, in cell diameters."""
SEPARATION_DIAMETERS, SEPARATION_FRAMES = 1.6, 8
"""Two events are so far apart, in space or in time."""

_SLACK_DIAMETERS = 0.6  # an event happens in the cell nearest to its planned place, and that cell moves
_NEIGHBOURS = 10
_SETTLING_STEPS = 60
_LEAD_FRAMES = 20
_AFFINITIES = 6
