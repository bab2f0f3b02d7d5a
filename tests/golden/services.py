"""The third parties of a golden database: a proxy that answers itself, whatever name it is asked for.

a POST of `/hang…` is never answered, `/fail…` answers 503, `/refuse…` 403, everything else 200.
"""

import http.server
import json
import threading


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self):
        self.send_response(200)
        self.end_headers()
        # What follows on this connection is the tunnel: requests to be answered.
        self.close_connection = False

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.startswith("/hang") and self.command == "POST":
            threading.Event().wait()
        status = 503 if self.path.startswith("/fail") else 403 if self.path.startswith("/refuse") else 200
        said = json.dumps({"path": self.path, "bytes": len(body)}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


class Services:
    def __init__(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        server.daemon_threads = True
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()


def start():
    return Services()
