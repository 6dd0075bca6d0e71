"""Bytes of files, kept so that a file can live on in another project.

One sealed object for each granule, in a folder or a bucket; what the objects are is told by a
manifest, which the file's record holds. Nothing here knows uploads, gRPC or Redis.
"""
