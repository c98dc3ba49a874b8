"""Benchmarks: time, floating-point operations, memory, and the machine they were measured on."""
