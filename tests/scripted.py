"""A language model that says what it is told to: stands in only where a failure must be provoked."""


class Scripted:
    """An LLM that gives the answers it is told to, in turn, and remembers what it was asked."""

    name, context, tokenizer = "scripted", 2000, None
    facts = {"model": "scripted", "revision": "1"}
    fingerprint = "scripted 1"

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def count_tokens(self, chat):
        return sum(len(turn["content"]) // 4 for turn in chat)

    def answers(self, chats, *, skip=(), **settings):
        for place, chat in enumerate(chats):
            if place not in skip:
                self.asked.append(chat)
                yield {place: self.answer(chat, len(self.asked) - 1)}

    def weigh(self, chats, options, *, skip=()):
        for place, chat in enumerate(chats):
            if place not in skip:
                self.asked.append(chat)
                yield {place: self.answer(chat, options)}

    def free(self):
        pass
