"""Inspects a data set: counts, sizes, colours, duplicates, and warnings about what will matter in training."""
