"""What Fiji's commands ask of the engine, one file a topic."""
