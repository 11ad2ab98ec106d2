"""Trying networks at one place of the open movie."""
