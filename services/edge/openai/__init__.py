"""OpenAI's dialect: its requests in Gemini's words, and Gemini's answers in OpenAI's.

Pure functions over parsed JSON. What is sent where, and with which key, is decided outside.
"""
