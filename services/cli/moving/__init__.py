"""Moving in from a gemini-balance installation: what it holds, what is taken, and taking it."""
