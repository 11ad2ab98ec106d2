"""What is computed: windows, networks, probability maps, peaks, metrics, simulated tissues."""
