"""Tasks that users can start: detection, evaluation, training, simulation."""
