"""Jobs on cells: comparison of segmentations."""
