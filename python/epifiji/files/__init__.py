"""How things are stored: movies, ROI files, network folders, results."""
