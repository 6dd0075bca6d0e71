"""The command gemini-balance."""
