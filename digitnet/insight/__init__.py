"""Explanations of a network: its computations step by step, its errors, and its faults."""
