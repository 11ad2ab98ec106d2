"""How a movie is divided for a network, and how the answers become maps: windows, blocks, scale."""
