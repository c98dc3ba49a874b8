"""Training: configuration, networks and optimizers, run folder, state, logs and validation."""
