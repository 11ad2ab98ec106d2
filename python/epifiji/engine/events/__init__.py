"""From probability maps to events, and their statistics over space and time."""
