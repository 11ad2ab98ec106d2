"""Networks that segment the cells of an epithelium."""
