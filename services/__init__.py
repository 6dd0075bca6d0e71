"""The services of Gemini Balance and what they share."""
