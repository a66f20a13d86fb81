"""The HTTP API: the same answers with the same citations, for programs; OpenAI-compatible and MCP routes beside it."""
