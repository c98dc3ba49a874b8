"""The commands of `animegan3`: they turn options into values, call the library, and print the results.

TensorFlow is imported inside the commands that need it, so that `--help` answers at once.
"""
