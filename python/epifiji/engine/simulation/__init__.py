"""Simulated movies of epithelia, and the truth about their events."""
