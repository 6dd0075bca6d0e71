"""What OpenAI offers and Gemini Balance does not, with what to use instead."""

from services.edge.errors import ApiError

_INSTEAD = {
    "assistants": "Send the instructions and tools with each request to /v1/chat/completions.",
    "audio/voices": "Voices of your own cannot be made. Name one of Gemini's.",
    "batches": "Use Gemini's batches: POST /v1beta/models/{model}:batchGenerateContent.",
    "containers": "Let the model run code with Gemini's tool codeExecution.",
    "conversations": "Send the turns with each request to /v1/chat/completions.",
    "evals": "Compare models on your side.",
    "fine_tuning": "Models are tuned at Google, outside of this API.",
    "messages": "Use POST /v1/chat/completions, or Gemini's own routes below /v1beta.",
    "moderations": (
        "Gemini rates a prompt as it answers it: see safetySettings and safetyRatings of "
        "POST /v1beta/models/{model}:generateContent."
    ),
    "realtime": "Use POST /v1/chat/completions with 'stream': true.",
    "responses": "Use POST /v1/chat/completions, or Gemini's POST /v1beta/interactions.",
    "threads": "Send the turns with each request to /v1/chat/completions.",
    "uploads": (
        "Use POST /v1/files, which takes files of any size, or Gemini's resumable uploads: "
        "POST /upload/v1beta/files."
    ),
    "vector_stores": "Use Gemini's stores: /v1beta/fileSearchStores.",
    "videos": "Use Gemini's POST /v1beta/models/{model}:predictLongRunning.",
}


def not_served(path: str) -> ApiError | None:
    """Return what is told of a path below `/v1` that is known and not served, else None."""
    for name, instead in _INSTEAD.items():
        root = f"/v1/{name}"
        if path == root or path.startswith(f"{root}/"):
            message = f"{root} is not served here. {instead}"
            # OpenAI's SDKs would try a 501 twice more.
            return ApiError(501, message, code="not_implemented", retryable=False)
    return None
