"""The fields of the messages of Live sessions; see `services.simulator.fields`."""

LIVE_MESSAGES: dict[str, dict[str, str]] = {
    "LiveClientMessage": {
        "setup": "LiveSetup",
        "clientContent": "LiveClientContent",
        "realtimeInput": "LiveRealtimeInput",
        "toolResponse": "LiveToolResponse",
    },
    "LiveSetup": {
        "model": "string",
        "generationConfig": "GenerationConfig",
        "systemInstruction": "Content",
        "tools": "Tool[]",
        "cachedContent": "string",
        "realtimeInputConfig": "any",
        "sessionResumption": "LiveResumption",
        "contextWindowCompression": "any",
        "inputAudioTranscription": "any",
        "outputAudioTranscription": "any",
        "proactivity": "any",
        "historyConfig": "any",
        "explicitVadSignal": "bool",
        "safetySettings": "SafetySetting[]",
    },
    "LiveResumption": {"handle": "string", "transparent": "bool"},
    "LiveClientContent": {"turns": "Content[]", "turnComplete": "bool"},
    "LiveRealtimeInput": {
        "mediaChunks": "Blob[]",
        "audio": "Blob",
        "video": "Blob",
        "text": "string",
        "audioStreamEnd": "bool",
        "activityStart": "any",
        "activityEnd": "any",
    },
    "LiveToolResponse": {"functionResponses": "FunctionResponse[]"},
}
