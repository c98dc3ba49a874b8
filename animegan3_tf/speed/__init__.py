"""How long, how much work, in how much memory, on which machine."""
