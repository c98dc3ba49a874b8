"""What is in a data set: counts, sizes, colours, duplicates, and what will matter in training."""
