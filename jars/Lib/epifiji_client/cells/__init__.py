"""Segmented cells: outlines, preview, correction (Jython 2.7)."""
