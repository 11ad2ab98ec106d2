"""How well events are found: matching, scores, and their intervals."""
