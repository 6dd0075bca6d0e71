"""Pictures in OpenAI's dialect: drawn, edited, and given an address."""
