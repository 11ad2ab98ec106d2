"""Events and cells in the formats of other programs: TrackMate, napari, QuPath."""
