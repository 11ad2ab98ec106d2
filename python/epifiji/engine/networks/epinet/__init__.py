"""EpiNet: a network that predicts maps of events for whole frames."""
