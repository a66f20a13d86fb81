"""The server's log: one JSON object a line on stderr."""

from typing import Any

LEVELS = ("debug", "info", "warning", "error")


def log_settings(level: str) -> dict[str, Any]:
    """What `logging.config.dictConfig` takes, uvicorn's own messages included."""
    own = {"handlers": ["stderr"], "level": level.upper(), "propagate": False}
    others = {**own, "level": "INFO" if level == "debug" else "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "format": "%(levelname)s %(name)s %(message)s",
                "rename_fields": {"levelname": "level", "name": "logger"},
                "timestamp": "time",
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
        "loggers": {"newsqa": own, "uvicorn": others, "mcp": others},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    }
