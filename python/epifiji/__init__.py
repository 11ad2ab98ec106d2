"""EpiFiji finds cell events (extrusion, division, SOP) in movies of epithelia.

>>> import epifiji
>>> result = epifiji.detect("movie.tif", network="notum_all")  # doctest: +SKIP
>>> result.counts  # doctest: +SKIP
{'cell_death': 12, 'cell_sop': 0, 'cell_division': 3}
>>> result.save("movie_epifiji")  # doctest: +SKIP
"""

from __future__ import annotations

import lazy_loader

# The names stand in __init__.pyi; each is imported when it is asked for, so that importing the package costs nothing.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
