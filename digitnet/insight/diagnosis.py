"""What is wrong with a network: measurements of a copy of it, and checks that look at them."""
