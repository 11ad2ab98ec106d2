"""Movies in files: TIFF, HDF5, and sequences of frames, read as ImageJ shows them."""
