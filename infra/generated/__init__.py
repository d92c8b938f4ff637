"""Made from infra/*.proto by `make generate`; never edited."""
