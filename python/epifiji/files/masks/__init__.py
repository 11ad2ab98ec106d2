"""Cells as other programs store them: ROI sets of ImageJ, Cellpose's ``_seg.npy``, COCO's JSON."""
