"""A server on loopback that answers, fails, hangs and breaks off as a test says: stands in for a real one."""

import http.server
import json
import socket
import threading

BREAK = object()  # the connection is closed in the middle of an answer

# A real one, in a process of its own: llama.cpp's.
SERVE = """
import sys, time, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_parallel, params.n_ctx, params.port = sys.argv[1], 2, 4096, 0
server = xllamacpp.Server(params)
print("listening", server.listening_address, flush=True)
time.sleep(600)
"""


def say(*words):
    return [[{"role": "user", "content": word}] for word in words]


def word_of(body):
    return body["messages"][-1]["content"]


class Server:
    """A server on loopback that answers as a test says: text, (text, finish_reason), (status, message) or BREAK."""

    def __init__(self, answer=None, *, model="small", port=0, **about):
        self.answer = answer or (lambda body: word_of(body).upper())
        self.model, self.about, self.port = model, {"max_model_len": 4096, **about}, port
        self.asked, self.now, self.most, self.lock, self.http = [], 0, 0, threading.Lock(), None
        self.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self):
                self.send({"object": "list", "data": [{"id": outer.model, "object": "model", **outer.about}]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with outer.lock:
                    outer.asked.append(body)
                    outer.now += 1
                    outer.most = max(outer.most, outer.now)
                try:
                    self.reply(outer.answer(body))
                finally:
                    with outer.lock:
                        outer.now -= 1

            def reply(self, said):
                if said is BREAK or outer.http is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                elif isinstance(said, tuple) and isinstance(said[0], int):
                    self.send({"error": {"message": said[1]}}, said[0])
                elif isinstance(said, dict):
                    self.send(said)
                else:
                    text, reason = said if isinstance(said, tuple) else (said, "stop")
                    message = {"role": "assistant", "content": text}
                    self.send({"id": "1", "object": "chat.completion", "created": 0, "model": outer.model,
                               "usage": {"prompt_tokens": 1, "completion_tokens": 7, "total_tokens": 8},
                               "choices": [{"index": 0, "finish_reason": reason, "message": message}]})  # fmt: skip

            def send(self, value, status=200):
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):  # a client that is killed, or a connection that is broken off
                pass

        self.http = Quiet(("127.0.0.1", self.port), Handler)
        self.port = self.http.server_port
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if self.http:
            stopped, self.http = self.http, None
            stopped.shutdown()
            stopped.server_close()

    def words(self):
        return [word_of(body) for body in self.asked]
