"""What Fiji's menu commands are, and how Fiji reaches the engine."""
