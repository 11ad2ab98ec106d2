"""DeXNets: networks that classify windows of a movie, as DeXtrusion's authors designed them."""
