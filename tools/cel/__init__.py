"""What `tools/demo_drawings.py` draws with."""
