"""Figures as PNG: overlays, galleries and plots."""
