"""Networks that segment the cells of a volume."""
