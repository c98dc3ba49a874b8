"""Runs the `animegan3` command as `python -m animegan3_tf`."""

from animegan3_tf.cli import main

main()
