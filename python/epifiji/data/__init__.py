"""What things are: movies, events, networks, settings, and the errors that all rooms share."""
