"""The stand-in for Google that is fast enough not to be what a bench measures.

It speaks just enough HTTP/1.1: kept connections, bodies with a length or in chunks, answers made
in advance and chosen by the path alone. What it knows of Gemini is in `answers`.
"""
