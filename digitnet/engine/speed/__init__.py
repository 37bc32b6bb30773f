"""What makes a network fast: threads, tiles, and sums that are left out.

The layers define what is computed; nothing here changes the results, except for rounding.
"""
