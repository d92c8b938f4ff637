"""gRPC: decodes a call, makes one call, encodes the answer."""
