"""Questions to a model: inference, prediction, generation."""
