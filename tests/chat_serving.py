"""A server that speaks as OpenAI's does and writes what a script says, on loopback."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[[str], "list[str | float] | int"]
"""From the whole prompt: pieces and waits in seconds; or the HTTP status of an error."""


@dataclass
class ChatServer:
    """A running one."""

    url: str
    keys: list[str] = field(default_factory=list)
    """What came as Authorization, a call each."""


@contextmanager
def chatting(script: Script) -> Iterator[ChatServer]:
    """Serves until the end of the block."""
    running = ChatServer("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept, as providers keep them

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            running.keys.append(self.headers.get("Authorization", ""))
            reply = script("\n".join(message["content"] for message in body["messages"]))
            if isinstance(reply, int):
                self._refuse(reply)
            else:
                self._write(reply)

        def _refuse(self, status: int) -> None:
            told = json.dumps({"error": {"message": f"Incorrect API key provided: {running.keys[-1]}", "type": "x"}})
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told.encode())

        def _write(self, pieces: "list[str | float]") -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in pieces:
                if isinstance(piece, str):
                    self._chunk({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
                else:
                    time.sleep(piece)
            self._chunk({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            usage = {"prompt_tokens": 900, "completion_tokens": 20, "total_tokens": 920}
            self._chunk({"choices": [], "usage": usage})
            self._send(b"data: [DONE]\n\n")
            self._send(b"")

        def _chunk(self, values: dict[str, Any]) -> None:
            common = {"id": "chat-1", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
            self._send(f"data: {json.dumps({**common, **values})}\n\n".encode())

        def _send(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
