"""Jobs on events: detection, events from maps, review and statistics."""
