"""The fields of the API's request messages, by their camelCase names.

A type is a scalar (`string`, `int`, `number`, `bool`, `bytes`, `any`), `enum:` with its values,
or another message. `[]` after it means repeated, `{}` a map with text keys.
"""

import re

from services.simulator.live.fields import LIVE_MESSAGES

_MODE = "enum:MODE_UNSPECIFIED|AUTO|ANY|NONE|VALIDATED"
_TYPE = "enum:TYPE_UNSPECIFIED|STRING|NUMBER|INTEGER|BOOLEAN|ARRAY|OBJECT|NULL"
_MODALITY = "enum:MODALITY_UNSPECIFIED|TEXT|IMAGE|AUDIO|VIDEO"
_LEVEL = "enum:THINKING_LEVEL_UNSPECIFIED|MINIMAL|LOW|MEDIUM|HIGH|XHIGH"

MESSAGES: dict[str, dict[str, str]] = {
    "GenerateContentRequest": {
        "model": "string",
        "contents": "Content[]",
        "systemInstruction": "Content",
        "tools": "Tool[]",
        "toolConfig": "ToolConfig",
        "safetySettings": "SafetySetting[]",
        "generationConfig": "GenerationConfig",
        "cachedContent": "string",
        "labels": "string{}",
        "serviceTier": "string",
        "store": "bool",
        "continuationToken": "string",
    },
    "CountTokensRequest": {
        "model": "string",
        "contents": "Content[]",
        "generateContentRequest": "GenerateContentRequest",
    },
    "EmbedContentRequest": {
        "model": "string",
        "content": "Content",
        "taskType": "string",
        "title": "string",
        "outputDimensionality": "int",
        "embedContentConfig": "any",
    },
    "BatchEmbedContentsRequest": {"model": "string", "requests": "EmbedContentRequest[]"},
    "CachedContent": {
        "name": "string",
        "displayName": "string",
        "model": "string",
        "systemInstruction": "Content",
        "contents": "Content[]",
        "tools": "Tool[]",
        "toolConfig": "ToolConfig",
        "ttl": "string",
        "expireTime": "string",
    },
    "CreateFileRequest": {"file": "File"},
    "UploadToFileSearchStoreRequest": {
        "displayName": "string",
        "mimeType": "string",
        "customMetadata": "any",
        "chunkingConfig": "any",
    },
    "ImportFileRequest": {
        "fileName": "string",
        "customMetadata": "any",
        "chunkingConfig": "any",
    },
    "FileSearchStore": {"name": "string", "displayName": "string", "embeddingModel": "string"},
    "TunedModel": {
        "name": "string",
        "displayName": "string",
        "description": "string",
        "baseModel": "string",
        "tuningTask": "any",
    },
    "BatchRequest": {"batch": "any"},
    "PredictRequest": {"instances": "any", "parameters": "any"},
    "PredictLongRunningRequest": {"instances": "any", "parameters": "any"},
    "AuthToken": {
        "name": "string",
        "expireTime": "string",
        "newSessionExpireTime": "string",
        "uses": "int",
        "bidiGenerateContentSetup": "any",
        "fieldMask": "string",
    },
    "File": {
        "name": "string",
        "displayName": "string",
        "mimeType": "string",
        "sizeBytes": "int",
        "createTime": "string",
        "updateTime": "string",
        "expirationTime": "string",
        "sha256Hash": "bytes",
        "uri": "string",
        "downloadUri": "string",
        "state": "string",
        "source": "string",
        "error": "any",
        "videoMetadata": "any",
    },
    "GenerationConfig": {
        "stopSequences": "string[]",
        "responseMimeType": "string",
        "responseSchema": "Schema",
        "responseJsonSchema": "any",
        "responseFormat": "any",
        "candidateCount": "int",
        "maxOutputTokens": "int",
        "temperature": "number",
        "topP": "number",
        "topK": "number",
        "seed": "int",
        "presencePenalty": "number",
        "frequencyPenalty": "number",
        "responseLogprobs": "bool",
        "logprobs": "int",
        "enableEnhancedCivicAnswers": "bool",
        "responseModalities": f"{_MODALITY}[]",
        "speechConfig": "SpeechConfig",
        "thinkingConfig": "ThinkingConfig",
        "imageConfig": "ImageConfig",
        "mediaResolution": "string",
        "translationConfig": "any",
        "audioTranscriptionConfig": "any",
        "enableAffectiveDialog": "bool",
    },
    "ThinkingConfig": {"includeThoughts": "bool", "thinkingBudget": "int", "thinkingLevel": _LEVEL},
    "ImageConfig": {
        "aspectRatio": "string",
        "imageSize": "string",
        "personGeneration": "string",
        "prominentPeople": "string",
        "imageOutputOptions": "any",
    },
    "SpeechConfig": {
        "voiceConfig": "VoiceConfig",
        "multiSpeakerVoiceConfig": "MultiSpeakerVoiceConfig",
        "languageCode": "string",
    },
    "VoiceConfig": {
        "prebuiltVoiceConfig": "PrebuiltVoiceConfig",
        "replicatedVoiceConfig": "any",
    },
    "PrebuiltVoiceConfig": {"voiceName": "string"},
    "MultiSpeakerVoiceConfig": {"speakerVoiceConfigs": "SpeakerVoiceConfig[]"},
    "SpeakerVoiceConfig": {"speaker": "string", "voiceConfig": "VoiceConfig"},
    "Content": {"parts": "Part[]", "role": "string"},
    "Part": {
        "text": "string",
        "inlineData": "Blob",
        "functionCall": "FunctionCall",
        "functionResponse": "FunctionResponse",
        "fileData": "FileData",
        "executableCode": "any",
        "codeExecutionResult": "any",
        "toolCall": "any",
        "toolResponse": "any",
        "videoMetadata": "any",
        "thought": "bool",
        "thoughtSignature": "bytes",
        "partMetadata": "any",
        "mediaResolution": "any",
        "mediaProcessing": "any",
        "audioTranscription": "any",
        "speechMetadata": "any",
    },
    "Blob": {"mimeType": "string", "data": "bytes", "displayName": "string"},
    "FileData": {"mimeType": "string", "fileUri": "string", "displayName": "string"},
    "FunctionCall": {"id": "string", "name": "string", "args": "any"},
    "FunctionResponse": {
        "id": "string",
        "name": "string",
        "response": "struct",
        "parts": "FunctionResponsePart[]",
        "willContinue": "bool",
        "scheduling": "string",
    },
    "FunctionResponsePart": {"inlineData": "Blob", "fileData": "FileData"},
    "Tool": {
        "functionDeclarations": "FunctionDeclaration[]",
        "googleSearchRetrieval": "any",
        "codeExecution": "any",
        "googleSearch": "any",
        "computerUse": "any",
        "urlContext": "any",
        "fileSearch": "any",
        "googleMaps": "any",
        "mcpServers": "any",
    },
    "FunctionDeclaration": {
        "name": "string",
        "description": "string",
        "parameters": "Schema",
        "parametersJsonSchema": "any",
        "response": "Schema",
        "responseJsonSchema": "any",
        "behavior": "string",
    },
    "Schema": {
        "type": _TYPE,
        "format": "string",
        "title": "string",
        "description": "string",
        "nullable": "bool",
        "enum": "string[]",
        "items": "Schema",
        "maxItems": "int",
        "minItems": "int",
        "properties": "Schema{}",
        "required": "string[]",
        "minProperties": "int",
        "maxProperties": "int",
        "minimum": "number",
        "maximum": "number",
        "minLength": "int",
        "maxLength": "int",
        "pattern": "string",
        "example": "any",
        "anyOf": "Schema[]",
        "propertyOrdering": "string[]",
        "default": "any",
    },
    "ToolConfig": {
        "functionCallingConfig": "FunctionCallingConfig",
        "retrievalConfig": "any",
        "includeServerSideToolInvocations": "bool",
    },
    "FunctionCallingConfig": {
        "mode": _MODE,
        "allowedFunctionNames": "string[]",
        "streamFunctionCallArguments": "bool",
    },
    "SafetySetting": {"category": "string", "threshold": "string"},
    **LIVE_MESSAGES,
}

ONE_OF: dict[str, frozenset[str]] = {
    "Part": frozenset(
        {
            "text",
            "inlineData",
            "functionCall",
            "functionResponse",
            "fileData",
            "executableCode",
            "codeExecutionResult",
            "toolCall",
            "toolResponse",
        }
    )
}
"""The fields of which a message holds at most one."""


def snake(name: str) -> str:
    """Return `generationConfig` as `generation_config`."""
    return re.sub(r"(?<!^)([A-Z])", lambda match: "_" + match[1].lower(), name)


SPELLINGS: dict[str, dict[str, tuple[str, str]]] = {
    message: {
        spelling: (name, kind) for name, kind in fields.items() for spelling in (name, snake(name))
    }
    for message, fields in MESSAGES.items()
}
"""For each message: accepted spelling to (camelCase name, type)."""
