"""Benchmarks: `python -m bench` measures throughput and latency and writes docs/performance.md."""
