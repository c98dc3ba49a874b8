"""Damages files of every kind that the package reads, and watches how it reads them."""
