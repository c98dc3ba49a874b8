"""Any number of generators side by side: the same photos, the same sizes, one process, one report."""
