"""Studies: many trainings with different settings, compared."""
