"""What OpenAI and Anthropic offer and Gemini Balance does not, with what to use instead."""

from services.edge.errors import ApiError

_INSTEAD = {
    "assistants": "Send the instructions and tools with each request to /v1/chat/completions.",
    "audio/voices": "Voices of your own cannot be made. Name one of Gemini's.",
    "batches": "Use Gemini's batches: POST /v1beta/models/{model}:batchGenerateContent.",
    "containers": "Let the model run code with Gemini's tool codeExecution.",
    "conversations": "Name the last response in 'previous_response_id' of /v1/responses.",
    "evals": "Compare models on your side.",
    "fine_tuning": "Models are tuned at Google, outside of this API.",
    "moderations": (
        "Gemini rates a prompt as it answers it: see safetySettings and safetyRatings of "
        "POST /v1beta/models/{model}:generateContent."
    ),
    "realtime": (
        "Use Gemini's Live sessions (a WebSocket, by Google's SDKs: live.connect), or "
        "POST /v1/chat/completions with 'stream': true."
    ),
    "threads": "Send the turns with each request to /v1/chat/completions.",
    "uploads": (
        "Use POST /v1/files, which takes files of any size, or Gemini's resumable uploads: "
        "POST /upload/v1beta/files."
    ),
    "vector_stores": "Use Gemini's stores: /v1beta/fileSearchStores.",
    "videos": "Use Gemini's POST /v1beta/models/{model}:predictLongRunning.",
}
_INSTEAD_OF_ANTHROPICS = {
    "complete": "Send the prompt as a message to POST /v1/messages.",
    "files": "Use POST /v1/files of OpenAI's dialect, or Gemini's POST /upload/v1beta/files.",
    "messages/batches": "Use Gemini's batches: POST /v1beta/models/{model}:batchGenerateContent.",
    "skills": "Send the instructions and tools with each request to POST /v1/messages.",
}


def not_served(path: str, *, is_anthropic: bool = False) -> ApiError | None:
    """Return what is told of a path below `/v1` that is known and not served, else None."""
    table = _INSTEAD_OF_ANTHROPICS if is_anthropic else _INSTEAD
    for name, instead in table.items():
        root = f"/v1/{name}"
        if path == root or path.startswith(f"{root}/"):
            message = f"{root} is not served here. {instead}"
            # The SDKs would try a 501 twice more.
            return ApiError(501, message, code="not_implemented", retryable=False)
    return None
