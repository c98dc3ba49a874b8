"""Everything that happens to images before they reach the network: fetching, preparing, feeding, drawing."""
