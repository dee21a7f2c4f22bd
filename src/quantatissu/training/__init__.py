"""Training: from shards to a checkpoint."""
