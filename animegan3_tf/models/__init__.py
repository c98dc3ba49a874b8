"""Readers of the files that models are published in."""
