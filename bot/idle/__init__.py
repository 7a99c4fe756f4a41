"""Evidence of idleness: sources, samples, and how they are combined."""
