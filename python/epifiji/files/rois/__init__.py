"""Events as ImageJ ROI files."""
