"""Cells in volumes: separated, made to touch, and measured."""
