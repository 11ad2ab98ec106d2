"""How a movie is divided for a network, and how predictions become maps: windows, blocks, scale."""
