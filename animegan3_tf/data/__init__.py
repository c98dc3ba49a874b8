"""Everything that happens to pictures before they reach the network: fetching, preparing, feeding, drawing."""
