"""Published datasets: their records in the archive, and their files on this computer."""
