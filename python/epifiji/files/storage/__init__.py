"""Files without a subject: safe reading of archives and arrays, writing all or nothing, downloads, temporary files."""
