"""Data types that all other code shares: movies, events, networks, settings, and errors."""
