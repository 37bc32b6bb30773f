"""Looking into a network: what it sees, why it answers so, and why it does not learn."""
