"""The command line and Fiji, which call the jobs."""
