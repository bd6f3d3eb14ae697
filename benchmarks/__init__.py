"""Speed and memory, as ratios against limits measured in the same run; ``python -m benchmarks --help``."""
