"""Whole-process benchmarks: ours and a peer in turn, each result checked, busy runs marked."""
