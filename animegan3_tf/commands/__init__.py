"""What the commands of `animegan3` take: options to values, values to the library, results to the console.

TensorFlow is imported inside the commands that need it, so that `--help` answers at once.
"""
