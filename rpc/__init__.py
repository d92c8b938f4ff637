"""The gRPC door: each method decodes a request, makes one call, and encodes the answer."""
