"""ImageJ."""
