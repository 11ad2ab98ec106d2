"""Cells: their size, outlines and shape."""
