"""Studies: many trainings of networks and their scores, as a protocol describes them."""
