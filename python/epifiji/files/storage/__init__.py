"""Storage independent of subject: safe reading of archives and arrays, all-or-nothing writing, downloads, temporary files."""
