"""Google's side: the upload protocol and the calls about files, as they go over the wire."""
