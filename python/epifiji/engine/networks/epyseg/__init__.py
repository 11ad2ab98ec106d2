"""EPySeg's networks: the model, tiles, passes, and the refinement of its maps to outlines."""
