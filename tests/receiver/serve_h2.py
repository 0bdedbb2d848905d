"""OTLP over gRPC once more, written down to the HTTP/2 frames.

The gRPC library hides the message's encoding and knows no zstd; this server shows and takes both.
"""

import base64
import socket
import socketserver
import struct
import threading
import urllib.parse
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions

import decode
from collector import Call
from serve_grpc import METHODS

UNIMPLEMENTED, UNAVAILABLE = 12, 14


@dataclass
class Stream:
    headers: list
    body: bytearray = field(default_factory=bytearray)
    open: bool = True


class Connection(socketserver.BaseRequestHandler):
    def setup(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.turn = threading.Condition()
        self.streams = {}

    def handle(self):
        self.http.initiate_connection()
        self.flush()
        try:
            while data := self.request.recv(1 << 16):
                with self.turn:
                    for event in self.http.receive_data(data):
                        self.on(event)
                    self.flush()
                    self.turn.notify_all()
        except (OSError, h2.exceptions.ProtocolError) as error:
            self.server.collector.journal.note("broken", repr(error))
        finally:
            with self.turn:
                for stream in self.streams.values():
                    stream.open = False
                self.turn.notify_all()

    def on(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.streams[event.stream_id] = Stream(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.streams[event.stream_id].body += event.data
            self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.streams[event.stream_id].open = False
        elif isinstance(event, h2.events.StreamEnded):
            threading.Thread(target=self.answer, args=(event.stream_id,), daemon=True).start()

    def answer(self, id):
        stream = self.streams[id]
        headers = merged(stream.headers)
        signal = METHODS.get(headers.get(":path"))
        if signal is None or headers.get("te") != "trailers" or headers.get("content-type") not in TYPES:
            return self.finish(id, UNIMPLEMENTED, "not an Export call of gRPC")
        try:
            call = Call("grpc", signal, headers, *message(headers, bytes(stream.body)))
        except LookupError as error:
            return self.finish(id, UNIMPLEMENTED, f"grpc-encoding {error}; known: gzip, zstd, identity")
        stream.body.clear()
        answer = self.server.collector.receive(call)
        if answer.act == "reset":
            return self.reset()
        while answer.act == "hang" and stream.open and not answer.changed.wait(0.02):
            pass
        if answer.act == "hang":
            return self.finish(id, UNAVAILABLE, "the fault was switched")
        if answer.grpc:
            return self.finish(id, answer.grpc, answer.message.message, answer.message.SerializeToString())
        self.succeed(id, answer.raw if answer.raw is not None else answer.message.SerializeToString())

    def succeed(self, id, body):
        with self.turn:
            if not self.streams[id].open:
                return
            self.http.send_headers(id, HEADERS)
            self.send(id, struct.pack(">?I", False, len(body)) + body)
            if self.streams[id].open:
                self.http.send_headers(id, [("grpc-status", "0")], end_stream=True)
                self.flush()

    def send(self, id, data):
        """Sends data as far as the client's windows allow, waiting for them in between."""
        while data and self.streams[id].open:
            size = min(len(data), self.http.local_flow_control_window(id), self.http.max_outbound_frame_size)
            if size:
                self.http.send_data(id, data[:size])
                data = data[size:]
            self.flush()
            if data and not size:
                self.turn.wait(1)

    def finish(self, id, code, text, details=b""):
        """Refuses with trailers alone."""
        trailers = [*HEADERS, ("grpc-status", str(code)), ("grpc-message", urllib.parse.quote(text))]
        if details:
            trailers.append(("grpc-status-details-bin", base64.b64encode(details).decode().rstrip("=")))
        with self.turn:
            if self.streams[id].open:
                self.http.send_headers(id, trailers, end_stream=True)
                self.flush()

    def flush(self):
        self.request.sendall(self.http.data_to_send())

    def reset(self):
        with self.turn:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Wakes the reader, which closes the connection: with RST, for the linger above.
            socket.socket.shutdown(self.request, socket.SHUT_RD)


HEADERS = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-accept-encoding", "identity,gzip,zstd")]
TYPES = {"application/grpc", "application/grpc+proto"}


def message(headers, frame):
    """The encoding, size on the wire, payload and fault of a call's only message."""
    encoding = headers.get("grpc-encoding", "identity")
    if encoding not in ("identity", "gzip", "zstd"):
        raise LookupError(encoding)
    if len(frame) < 5 or frame[0] > 1 or len(frame) != 5 + int.from_bytes(frame[1:5], "big"):
        return encoding, len(frame), b"", "not one complete gRPC message"
    encoding = encoding if frame[0] else "identity"
    try:
        return encoding, len(frame), decode.decompress(encoding, frame[5:]), ""
    except decode.Malformed as error:
        return encoding, len(frame), b"", str(error)


def merged(pairs):
    headers = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, address, collector, tls):
        super().__init__(address, Connection)
        self.collector = collector
        if tls is not None:
            tls.set_alpn_protocols(["h2"])
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def port(self):
        return self.server_address[1]

    def handle_error(self, request, client_address):
        pass

    def shutdown_request(self, request):
        self.close_request(request)  # no FIN first: a reset must stay one
