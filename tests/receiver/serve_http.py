"""OTLP over HTTP: protobuf and JSON, gzip and zstd, chunked or with a length."""

import json
import select
import socket
import ssl
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format

import decode
from collector import Call

PATHS = {"/v1/traces": "traces", "/v1/logs": "logs", "/v1/metrics": "metrics"}
TRANSPORTS = {"application/x-protobuf": "http/protobuf", "application/json": "http/json"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 300

    def do_GET(self):
        self.refuse(405 if self.path in PATHS else 404, "OTLP wants POST")

    do_PUT = do_DELETE = do_HEAD = do_GET

    def do_POST(self):
        signal = PATHS.get(self.path)
        media = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = self.body()
        if body is None:
            return self.refuse(411, "neither a length nor chunks")
        if signal is None:
            return self.refuse(404, f"no {self.path}; known: {sorted(PATHS)}")
        if media not in TRANSPORTS:
            return self.refuse(415, f"content-type {media!r}; known: {sorted(TRANSPORTS)}")
        self.receive(signal, media, body)

    def receive(self, signal, media, body):
        encoding = self.headers.get("content-encoding", "").strip().lower()
        call = Call(TRANSPORTS[media], signal, header_map(self.headers), encoding, len(body), b"")
        try:
            call.payload = decode.decompress(encoding, body)
        except decode.Malformed as error:
            call.error = str(error)
        except LookupError:
            return self.refuse(415, f"content-encoding {encoding!r}; known: gzip, zstd, identity")
        answer = self.server.collector.receive(call)
        if answer.act == "hang":
            return self.hang(answer.changed)
        if answer.act == "reset":
            return self.reset()
        self.reply(answer, media)

    def body(self):
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return b"".join(self.chunks())
        length = self.headers.get("content-length")
        return None if length is None else self.rfile.read(int(length))

    def chunks(self):
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def reply(self, answer, media):
        body = answer.raw if answer.raw is not None else encode(answer.message, media)
        self.send_response(answer.http)
        if answer.retry_after_s is not None:
            self.send_header("Retry-After", str(int(answer.retry_after_s)))
        self.finish_reply(media, body)

    def refuse(self, status, text):
        self.server.collector.journal.note("refused", f"{status} {self.path} {text}")
        self.send_response(status)
        self.close_connection = True
        self.finish_reply("application/json", json.dumps({"message": text}).encode())

    def finish_reply(self, media, body):
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang(self, changed):
        """Keeps silent until the client gives up or the fault is switched."""
        self.close_connection = True
        while not changed.wait(0.02) and not select.select([self.connection], [], [], 0)[0]:
            pass

    def reset(self):
        """Closes the connection with RST."""
        self.close_connection = True
        abort(self.connection)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address, collector, tls):
        super().__init__(address, Handler)
        self.collector = collector
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request, client_address):
        """Broken handshakes and connections are the sender's affair; they are counted."""
        self.collector.journal.note("broken", repr(sys.exc_info()[1]))

    def shutdown_request(self, request):
        try:
            super().shutdown_request(request)
        except OSError:
            pass


def tls_context(cert, key, client_ca):
    """A server context, which asks for a client certificate when `client_ca` is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def abort(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The socket under TLS: a close_notify would make the end a polite one.
    socket.close(connection.detach())


def encode(message, media):
    if media == "application/json":
        return json_format.MessageToJson(message, indent=None).encode()
    return message.SerializeToString()


def header_map(headers):
    merged = {}
    for name, value in headers.items():
        name = name.lower()
        merged[name] = f"{merged[name]},{value}" if name in merged else value
    return merged
