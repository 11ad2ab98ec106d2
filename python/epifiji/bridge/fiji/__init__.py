"""Fiji's menu commands, and the two ways in which Fiji reaches the engine."""
