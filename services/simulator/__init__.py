"""A faithful stand-in for Google's Gemini API, for the demo, tests and load tests."""
