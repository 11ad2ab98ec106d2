"""The settings of every job: names, units, ranges, defaults and help, once."""
