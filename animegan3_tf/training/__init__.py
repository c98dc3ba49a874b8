"""Training: the objective, its targets, the trainer, and the state of a run."""
