"""Networks in files: the project's own form, the authors', the zoo, and packages for other programs."""
