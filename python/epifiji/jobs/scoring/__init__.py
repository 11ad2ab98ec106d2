"""Scoring: comparisons with a reference, evaluations of networks, random samples."""
