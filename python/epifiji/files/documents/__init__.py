"""Documents in the formats in which they are written."""
