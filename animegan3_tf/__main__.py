"""`python -m animegan3_tf` is the `animegan3` command."""

from animegan3_tf.cli import main

main()
