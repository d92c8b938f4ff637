"""The benchmark: `python -m bench` measures this machine, each figure against a baseline of the same run."""
