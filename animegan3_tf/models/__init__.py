"""Model files, read and written: nothing else opens them."""
