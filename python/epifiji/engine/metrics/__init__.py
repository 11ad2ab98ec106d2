"""Scores of detected events: matching, precision, recall and F1, and their confidence intervals."""
