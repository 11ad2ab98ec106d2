"""Who asks: the command line and ImageJ."""
