"""Jobs that make networks: training and retraining."""
