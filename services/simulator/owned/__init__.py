"""What outlives a request and belongs to a project: batches, operations, stores and the like.

Names, fields and states are those that Google's SDKs read. Exchanges with file search
stores were recorded from the real service; the words of other refusals, and what the
recordings do not hold, are from memory.
"""
