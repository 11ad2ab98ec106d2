"""Networks that segment separate cells, which have an inside and may touch."""
