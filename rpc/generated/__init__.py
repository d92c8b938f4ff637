"""Made from rpc/message.proto by `make generate`; never edited."""
