"""What one can ask for: detection, evaluation, simulation."""
