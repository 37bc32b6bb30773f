"""What makes the layers fast: threads, tiles, and sums that are left out. No mathematics is lost
without it: every product here is defined in the layer that uses it.
"""
