"""Pictures: overlays, galleries and plots as PNG."""
