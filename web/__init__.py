"""The REST door: each view decodes a request, makes one call, and encodes the answer."""
