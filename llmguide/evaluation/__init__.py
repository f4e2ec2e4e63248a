"""What a model can do: questions put to it, its answers, and what it thinks likely."""
