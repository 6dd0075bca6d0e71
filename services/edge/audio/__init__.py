"""Speech and transcripts: OpenAI's audio routes over Gemini's models."""
