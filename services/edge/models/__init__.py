"""What the name of a model asks for beyond the model, and what the settings add to requests."""
