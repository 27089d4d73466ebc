"""From results to BENCHMARKS.md."""
