"""Simulated movies of epithelia with known events."""
