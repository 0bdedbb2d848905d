"""OTLP over gRPC, behind a relay that can break the connection."""

import select
import socket
import struct
import threading
from concurrent import futures

import grpc

from collector import Call

METHODS = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": "traces",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": "logs",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": "metrics",
}
CODES = {code.value[0]: code for code in grpc.StatusCode}
WORKERS = 64


class Service(grpc.GenericRpcHandler):
    """Answers the three Export methods with bytes; anything else is UNIMPLEMENTED."""

    def __init__(self, collector, relay):
        self.collector = collector
        self.relay = relay

    def service(self, details):
        signal = METHODS.get(details.method)
        if signal is None:
            return None
        return grpc.unary_unary_rpc_method_handler(lambda body, context: self.export(signal, body, context))

    def export(self, signal, body, context):
        headers = {}
        for key, value in context.invocation_metadata():
            value = value.hex() if isinstance(value, bytes) else value
            headers[key] = f"{headers[key]},{value}" if key in headers else value
        call = Call("grpc", signal, headers, headers.get("grpc-encoding", ""), len(body), body)
        answer = self.collector.receive(call)
        if answer.act == "reset":
            self.relay.reset(context.peer())
        while answer.act == "hang" and context.is_active() and not answer.changed.wait(0.02):
            pass
        if answer.act != "reply":
            context.abort(grpc.StatusCode.UNAVAILABLE, "the fault was switched")
        if answer.grpc:
            details = answer.message.SerializeToString()
            context.set_trailing_metadata((("grpc-status-details-bin", details),))
            context.abort(CODES[answer.grpc], answer.message.message)
        return answer.raw if answer.raw is not None else answer.message.SerializeToString()


class Relay:
    """Passes bytes between a public port and the gRPC server, which offers no way to reset a connection."""

    def __init__(self, host, port):
        self.listener = socket.create_server((host, port), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.pairs = {}

    def start(self, host, port):
        threading.Thread(target=self.accept, args=((host, port),), daemon=True).start()

    def accept(self, target):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(target)
            self.pairs[server.getsockname()[1]] = client, server
            threading.Thread(target=self.pump, args=(client, server), daemon=True).start()

    def pump(self, client, server):
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port = server.getsockname()[1]
        try:
            while True:
                for end in select.select([client, server], [], [])[0]:
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    (server if end is client else client).sendall(data)
        except (OSError, ValueError):
            return
        finally:
            self.pairs.pop(port, None)
            server.close()
            client.close()

    def reset(self, peer):
        """Breaks the client's connection; `peer` is the relay's end as the server sees it."""
        pair = self.pairs.get(int(peer.rpartition(":")[2]))
        if pair is not None:
            client, server = pair
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server.shutdown(socket.SHUT_RDWR)  # wakes the pump, which closes both ends


def start(host, port, collector, tls):
    """Starts the server; `tls` is None or (cert, key, client CA) as bytes. Returns server and port."""
    relay = Relay(host, port)
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=WORKERS),
        handlers=[Service(collector, relay)],
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
                 ("grpc.so_reuseport", 0)],
    )
    if tls is None:
        inner = server.add_insecure_port(f"{host}:0")
    else:
        cert, key, client_ca = tls
        credentials = grpc.ssl_server_credentials([(key, cert)], client_ca, client_ca is not None)
        inner = server.add_secure_port(f"{host}:0", credentials)
    server.start()
    relay.start(host, inner)
    return server, relay.port
