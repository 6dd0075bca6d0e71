"""OpenAI's newer dialect: responses, made of items, over Gemini's answers.

Pure functions over parsed JSON. What is sent where, and what is kept of it, is decided outside.
"""
