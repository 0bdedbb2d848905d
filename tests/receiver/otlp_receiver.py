"""A strict OTLP receiver for tests, over gRPC, HTTP/protobuf and HTTP/JSON.

Prints `ready grpc=PORT h2=PORT http=PORT control=PORT` (h2 is gRPC, too: see serve_h2.py) and appends one JSON line per request to `--out`.
The control port takes `POST /_control {"mode": …}` (see faults.py) and serves `GET /stats`.
Ends when its standard input closes or its parent dies, so that no test can leak it.
"""

import argparse
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its C core logs every refused handshake

import serve_grpc
import serve_h2
import serve_http
from collector import Collector, Journal
from faults import Fault, Faults


class Control(BaseHTTPRequestHandler):
    def do_POST(self):
        try:
            fault = Fault.parse(json.loads(self.rfile.read(int(self.headers.get("content-length", 0)))))
        except (TypeError, ValueError) as error:
            return self.reply(400, {"error": str(error)})
        self.server.faults.switch(fault)
        self.reply(200, {"mode": fault.mode})

    def do_GET(self):
        self.reply(200, {**self.server.journal.stats(), "mode": self.server.faults.fault.mode})

    def reply(self, status, tree):
        body = json.dumps(tree).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    options = parse_options()
    end_with_parent()
    journal, faults = Journal(options.out), Faults()
    collector = Collector(journal, faults, options.count_only)
    grpc_server, grpc_port = serve_grpc.start(options.host, options.grpc, collector, grpc_tls(options))
    http = serve_http.Server((options.host, options.http), collector, http_tls(options))
    h2 = serve_h2.Server((options.host, options.h2), collector, http_tls(options))
    control = ThreadingHTTPServer((options.host, options.control), Control)
    control.daemon_threads, control.faults, control.journal = True, faults, journal
    for server in (h2, http, control):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"ready grpc={grpc_port} h2={h2.port} http={http.server_port} control={control.server_port}", flush=True)
    grpc_server.wait_for_termination()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="file that takes one JSON line per request")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--grpc", type=int, default=0, help="port; 0 takes a free one")
    parser.add_argument("--h2", type=int, default=0)
    parser.add_argument("--http", type=int, default=0)
    parser.add_argument("--control", type=int, default=0)
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    parser.add_argument("--client-ca", type=Path, help="ask for client certificates signed by this authority")
    parser.add_argument("--count-only", action="store_true", help="count items; neither check nor record them")
    options = parser.parse_args()
    if (options.tls_cert is None) != (options.tls_key is None):
        parser.error("--tls-cert and --tls-key belong together")
    return options


def grpc_tls(options):
    if options.tls_cert is None:
        return None
    client_ca = options.client_ca.read_bytes() if options.client_ca else None
    return options.tls_cert.read_bytes(), options.tls_key.read_bytes(), client_ca


def http_tls(options):
    if options.tls_cert is None:
        return None
    return serve_http.tls_context(options.tls_cert, options.tls_key, options.client_ca)


def end_with_parent():
    parent = os.getppid()

    def watch_parent():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(0)

    def watch_input():
        while sys.stdin.buffer.read(4096):
            pass
        os._exit(0)

    for watch in (watch_parent, watch_input):
        threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
