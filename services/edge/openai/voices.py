"""OpenAI's voices, each as the one of Gemini's that is most like it."""

_LIKE = {
    "alloy": "Kore",
    "ash": "Orus",
    "ballad": "Umbriel",
    "cedar": "Algieba",
    "coral": "Leda",
    "echo": "Charon",
    "fable": "Puck",
    "marin": "Aoede",
    "nova": "Zephyr",
    "onyx": "Algenib",
    "sage": "Sulafat",
    "shimmer": "Achernar",
    "verse": "Iapetus",
}


def gemini_voice(name: str) -> str:
    """Return Gemini's name of a voice; names that are not OpenAI's are taken for Gemini's."""
    return _LIKE.get(name.lower(), name)
