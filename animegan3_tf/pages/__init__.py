"""What HTML pages are made of: one file each, which fetches nothing."""
