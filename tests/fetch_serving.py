"""Servers on loopback that send exactly the bytes a test wants, over HTTP and over TLS."""

import datetime as dt
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

Answer = bytes | Callable[[], Iterable[bytes | float]]
"""What is sent; of a function, pieces and waits in seconds."""


@dataclass
class Site:
    """A running server."""

    port: int
    requests: list[str] = field(default_factory=list)
    """The heads of all requests, as they came."""

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        """The address of a page of it."""
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [request.split(" ")[1] for request in self.requests]


def answer(body: bytes = b"", status: str = "200 OK", length: int | None = None, **headers: str) -> bytes:
    """A whole answer with its length; of a header's name _ is -, and an empty one is left out."""
    fields = {"Content-Type": "text/html", "Content-Length": str(len(body) if length is None else length)}
    fields |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + body


def moved(location: str, status: str = "302 Found") -> bytes:
    """A redirect; characters beyond ASCII go as UTF-8."""
    return answer(status=status, location=location.encode().decode("latin-1"))


@contextmanager
def site(answers: Mapping[str, Answer], tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serves what the paths answer, and 404 elsewhere, until the end of the block."""
    running, stopping = Site(0), threading.Event()

    class Handler(StreamRequestHandler):
        timeout = 10

        def handle(self) -> None:
            with suppress(OSError):  # a client that had enough
                if tls:
                    self.request = tls.wrap_socket(self.request, server_side=True)
                    self.setup()
                self._reply()

        def _reply(self) -> None:
            assert isinstance(self.rfile, BufferedReader)
            if self.rfile.peek(1)[:1] != b"G":  # a greeting in TLS, say
                self.wfile.write(answer(status="400 Bad Request"))
                return
            lines = []
            while (line := self.rfile.readline(65_536)) not in (b"\r\n", b""):
                lines.append(line.decode("latin-1"))
            head = "".join(lines)
            running.requests.append(head)
            scripted = answers.get(head.split(" ")[1], answer(status="404 Not Found"))
            for piece in [scripted] if isinstance(scripted, bytes) else scripted():
                if stopping.is_set():
                    return
                if isinstance(piece, bytes):
                    self.wfile.write(piece)
                else:
                    stopping.wait(piece)

        def finish(self) -> None:
            with suppress(OSError):
                super().finish()
            self.request.close()

    server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
    running.port = server.server_address[1]
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    serving.start()
    try:
        yield running
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()
        serving.join()


def certified(folder: Path, *hosts: str) -> ssl.SSLContext:
    """A server's side of TLS for these names; who trusts `folder / "authority.pem"` trusts it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Haldermarch test authority")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "authority.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(*form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "authority.pem", folder / "key.pem")
    return context
