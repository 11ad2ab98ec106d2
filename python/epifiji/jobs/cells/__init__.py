"""What one can ask for about cells."""
