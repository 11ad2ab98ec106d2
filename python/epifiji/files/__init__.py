"""Storage: movies, ROI files, network folders, results."""
