"""Measurements behind every claim of speed or quality; each file is run with ``python -m benchmarks.<name>``."""
