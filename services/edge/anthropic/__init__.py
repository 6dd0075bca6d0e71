"""Anthropic's dialect: its requests in Gemini's words, and Gemini's answers in Anthropic's.

Pure functions over parsed JSON. What is sent where, and with which key, is decided outside.
What it shares with OpenAI's dialect (typed reading, media, the order of turns, signatures in
ids) stands in `services.edge.openai`.
"""
