"""Networks in files: the project's own form, the authors', the networks at hand, and packages for other programs."""
