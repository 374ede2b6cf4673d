"""What models say around their texts goes, what only looks like it stays; both lists are made by hand."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers.synthetic.boilerplate import cut_boilerplate, is_refusal, read_rules

STAY = {
    "speech at the beginning": '"Sure, I can help you," said the fox.\n\nThey walked to the river.',
    "speech without marks": "Sure, I was afraid, but the sea was calm.\nWe sailed on.",
    "an exclamation that goes on": "Sure! the boy cried, and ran.",
    "of course in a sentence": "Of course I knew the way. Here is where the road ends.",
    "a way to begin a blog post": "Okay, here's the thing. Bread takes time.\n\nMix the flour.",
    "let's": "Okay, let's be honest: nobody likes waiting.\n\nBut bread needs it.",
    "a heading is the first line": "How to Bake Bread\n\n1. Mix flour and water.\n2. Wait.",
    "steps after their line": "Here are the steps you need:\n\n1. Mix.\n2. Wait.",
    "here is the story of": "Here is the story of how I learned to swim:\n\nIt was cold.",
    "here is in the middle": "Rain falls.\n\nHere is an example of a cloud:\n\nCumulus.",
    "in conclusion within the text": "It rained. In conclusion, we stayed.\n\nThen the sun came out.",
    "a conclusion of several sentences": "It rained.\n\nIn conclusion, rain fills rivers. Without it nothing grows.",
    "only a conclusion": "In conclusion, rain matters.",
    "a note that says something": "Bake it.\n\nNote: This recipe makes six rolls.",
    "a note with a condition": "Drill.\n\nNote: This guide assumes that you own a drill.",
    "a note in between": "Note: This story is a work of fiction in three parts.\n\nThe rain fell.",
    "hope for something": "I planted it. I hope that rain helps the crops.",
    "hope of a letter": "I leave you my watch. I hope it helps you remember me.",
    "a note on values": "Set x to 3.\n\nNote: These values are only examples.",
    "a note on readers": "Drill.\n\nNote: This guide was written for beginners and is meant for old houses.",
    "an offer of a post": "I'd be happy to share my experience with this. We bought the red one.",
    "an offer of a neighbour": "I would be happy to help you move on Saturday. Bring boxes.",
    "a glossary": "Output: the goods that a firm makes.\n\nResponse: what a market does.",
    "hope of a story": "She looked up. I hope that one day the whales return.",
    "hope as speech": 'He gave her the map. "I hope this helps!"',
    "hope within speech": '"Take the map. I hope this helps you, child."',
    "hope in the middle": "I hope this helps, he wrote, and left.\n\nThe door closed.",
    "a call of a blog": "Bread is easy.\n\nLet me know in the comments how yours turned out!",
    "a doctor's advice": "Rest well. If you have any questions, ask your doctor.",
    "a teacher's advice": "Try again. Feel free to ask your teacher for help.",
    "a question of a story": "The fox asked: Would you like some soup?",
    "an AI that is a person": "As an AI researcher, I do not sleep much. The lab is loud.",
    "an AI that tells a story": "As an AI, I had never seen rain. It fell all the same.",
    "a title that is a word": "Title IX changed sport in schools.",
    "a form": "Title: Captain\nName: Ada\n\nShe sailed at dawn.",
    "a conversation": "Assistant: Good morning!\nUser: Hello, a question about rain.\nAssistant: Ask away.",
    "a conversation of named people": "**Teacher:** What is rain?\n**Student:** Water that falls.",
    "answers of a text": "Question: What is rain?\nAnswer: Water that falls.",
    "code": "```python\nprint('rain')\n```",
    "code in a text": "Run this:\n\n```\nrain()\n```",
    "two fences": "```\na\n```\n\nand\n\n```\nb\n```",
    "front matter": "---\ntitle: Rain\n---\n\nIt rained.",
    "a rule between parts": "Part one.\n\n---\n\nPart two.",
    "a chapter": "# Instruction: how bees dance\n\nBees dance.",
    "instructions of a guide": "### Instructions\n\n1. Mix.\n\n### User guide\n\nStir.",
    "word count as a subject": "Word count: how long should a story be? As long as it needs.",
    "one's own inability": "I can't help but smile when it rains. It smells of earth.",
    "the end": "They lived on.\n\nThe end.",
    "spanish speech": "—Claro —dijo el zorro—, aquí está el río.\n\nY saltó.",
    "spanish agreement": "Claro que llovía. Aquí está la casa de mi abuela: pequeña y blanca.\n\nEntramos.",
    "spanish hope": "Espero que mañana salga el sol.",
    "spanish conclusion": "Llovió. En conclusión, nos quedamos.\n\nLuego salió el sol.",
    "chinese": "当然,这里有一条河。\n\n希望对你有帮助的人很多。",
    "emoji": "🎉🎉 Rain! 🎉",
    "an empty line": "",
}  # fmt: skip

CUT = [
    ("Sure! Here's a story about rain:\n\nIt rained.", "It rained.", "sure"),
    ("Sure, here is a blog post on rain: It rained.", "It rained.", "sure"),
    ("Certainly! Rain is water.", "Rain is water.", "sure"),
    ("Certainly! Here are some tips for bakers:\n\n1. Wait.", "1. Wait.", "sure"),
    ("Of course! I'd be happy to help you with that. Rain is water.", "Rain is water.", "sure"),
    ("Absolutely! Below is a detailed lesson plan.\n\n---\n\n# Rain\n\nIt falls.", "# Rain\n\nIt falls.", "sure"),
    ("Here is a step-by-step guide on how to bake bread:\n\n1. Mix.", "1. Mix.", "here is"),
    ("**Here’s the rewritten text:**\n\nIt rained.", "It rained.", "here is"),
    ("Below is a textbook section about rain:\n\nRain falls.", "Rain falls.", "here is"),
    ("I'd be delighted to write a story for you. It rained.", "It rained.", "offer"),
    ("As an AI language model, I don't have feelings, but I can try. It rained.", "It rained.", "language model"),
    ("Title: The Rain\n\nIt fell.", "The Rain\n\nIt fell.", "title"),
    ("**Title:** The Rain\n\nIt fell.", "The Rain\n\nIt fell.", "title"),
    ("**Title: The Rain**\n\nIt fell.", "**The Rain**\n\nIt fell.", "title"),
    ("# Title: The Rain\n\nIt fell.", "# The Rain\n\nIt fell.", "title"),
    ("<|im_start|>assistant\nIt rained.", "It rained.", "role mark"),
    ("[/INST] It rained.</s>", "It rained.", "role mark"),
    ("### Response:\nIt rained.", "It rained.", "role mark"),
    ("Assistant: It rained all day.", "It rained all day.", "role mark"),
    ("It rained.\n<|im_end|>\n<|im_start|>user\nMore, please", "It rained.", "run on"),
    ("It rained.\n\n### Instruction:\nNow write about snow.", "It rained.", "run on"),
    ("```markdown\n# Rain\n\nIt fell.\n```", "# Rain\n\nIt fell.", "fence"),
    ("```\nIt rained.\n```", "It rained.", "fence"),
    ("It rained. I hope this helps!", "It rained.", "hope it helps"),
    ("It rained. I hope this helps! 😊", "It rained.", "hope it helps"),
    ("It rained.\n\nI hope this short story meets your needs.", "It rained.", "hope it helps"),
    ("It rained.\n\nLet me know if you'd like me to change anything!", "It rained.", "let me know"),
    ("It rained.\n\nIf you have any further questions, feel free to ask.", "It rained.", "let me know"),
    ("It rained.\n\nWould you like me to write another one?", "It rained.", "let me know"),
    ("It rained.\n\nIs there anything else I can help you with?", "It rained.", "let me know"),
    ("It rained.\n\nNote: This story is a work of fiction.", "It rained.", "note"),
    ("It rained.\n\n*(Note: This text was generated for educational purposes.)*", "It rained.", "note"),
    ("It rained.\n\n(Word count: 512)", "It rained.", "word count"),
    ("It rained.\n\n[End of story]", "It rained.", "end mark"),
    ("It rained.\n\nIn conclusion, rain is a vital part of life.", "It rained.", "in conclusion"),
    ("It rained.\n\n---", "It rained.", "line"),
    ("¡Claro! Aquí tienes un cuento sobre la lluvia:\n\nLlovía.", "Llovía.", "sure"),
    ("¡Por supuesto! La lluvia es agua.", "La lluvia es agua.", "sure"),
    ("Aquí tienes una guía sobre el pan:\n\n1. Mezcla.", "1. Mezcla.", "here is"),
    ("A continuación, te presento un artículo sobre el pan:\n\nEl pan sube.", "El pan sube.", "here is"),
    ("Como modelo de lenguaje, no tengo recuerdos, pero lo intento. Llovía.", "Llovía.", "language model"),
    ("Título: La lluvia\n\nLlovía.", "La lluvia\n\nLlovía.", "title"),
    ("Llovía. ¡Espero que esto te sea útil!", "Llovía.", "hope it helps"),
    ("Llovía.\n\nSi tienes más preguntas, no dudes en escribirme.", "Llovía.", "let me know"),
    ("Llovía.\n\n¿Te gustaría que escriba otro?", "Llovía.", "let me know"),
    ("Llovía.\n\nNota: Este cuento es ficticio.", "Llovía.", "note"),
    ("Llovía.\n\nEn conclusión, la lluvia es vida.", "Llovía.", "in conclusion"),
]  # fmt: skip

REFUSALS = [
    "I'm sorry, but I can't assist with that.",
    "I am sorry, but as an AI language model, I cannot write about this.",
    "As an AI language model, I am unable to create such content.",
    "I cannot provide instructions for that.",
    "Unfortunately, I can’t help with that request.",
    "Lo siento, pero no puedo ayudarte con eso.",
]
NO_REFUSALS = [
    "I can't help but smile when it rains.",
    "\"I'm sorry, but I can't help you,\" said the doctor, and it rained.",
    "I cannot forget the rain of that year.",
    "I'm sorry, but I must go, she said.",
    "Unfortunately, I can't swim, and the river was deep.",
    "I cannot write a single word today. " + "The page stays white, and the rain falls. " * 60,
    "As an AI researcher, I cannot write code all day.",
    "",
]


@pytest.mark.parametrize("text", STAY.values(), ids=STAY)
def test_what_belongs_to_the_text_stays(text):
    assert cut_boilerplate(text) == (text, [])


@pytest.mark.parametrize(("text", "left", "name"), CUT)
def test_what_is_said_around_the_text_goes(text, left, name):
    found, names = cut_boilerplate(text)
    assert found == left and name in names


def test_openings_and_endings_go_together():
    text = (
        "```\nSure! Here is a story about rain:\n\n---\n\n**Title: Rain**\n\nIt fell.\n\n---\n\n"
        "I hope this helps! Let me know if you have any questions.\n```"
    )
    left, names = cut_boilerplate(text)
    assert left == "**Rain**\n\nIt fell."
    assert names == ["fence", "sure", "title", "let me know", "hope it helps", "line"]
    assert cut_boilerplate("It rained. I hope this helps! Rain is water, and so is snow.")[1] == []


def test_a_text_of_nothing_else_is_empty():
    for text in ("Sure! Here is a story about rain:", "I hope this helps!", "```\n```", "<|im_end|>", "---"):
        assert cut_boilerplate(text)[0] == ""


def test_the_instruction_goes_where_the_text_begins_with_it():
    prompt = "The rain in the hills began at noon.\n\nWrite a long story that goes on from this extract."
    for told in (prompt, "Write a long story that goes on from this extract."):
        assert cut_boilerplate(f"{told}\n\nIt rained.", prompt=prompt) == ("It rained.", ["echo"])
    heading = "How to Bake Bread"
    assert cut_boilerplate(f"{heading}\n\nMix.", prompt=heading) == (f"{heading}\n\nMix.", [])


LONG = "It rained for days and the river rose. " * 6


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (LONG + "Then the", LONG.strip()),
        (LONG + "Mr. Fox met Dr. Ba", LONG.strip()),
        (LONG + '"Run!" said the', LONG + '"Run!"'),
        (LONG + "It was 3.5 met", LONG.strip()),
        (LONG + "\n\n## What is DN", LONG.strip()),
        (LONG + "\n\n## What is rain?\n\nRain is", LONG.strip()),
        (LONG + "\n\n1. Mix the flour.\n2. Wa", LONG + "\n\n1. Mix the flour."),
        (LONG + "\n\n1. Mix", LONG.strip()),
        (LONG + "All is well.", LONG + "All is well."),
        ("雨が降った。川は高かった。" * 5 + "そして", "雨が降った。川は高かった。" * 5),
        ("- flour\n- sugar\n- wat", "- flour\n- sugar\n- wat"),  # more than half would go
        ("Once. " + "and it went on " * 50, "Once. " + "and it went on " * 49 + "and it went on"),
    ],
)
def test_a_text_that_was_cut_off_ends_with_its_last_whole_sentence(text, left):
    assert cut_boilerplate(text, finish_reason="length")[0] == left
    assert cut_boilerplate(left, finish_reason="length")[0] == left
    assert cut_boilerplate(text, finish_reason="length", unfinished="keep")[0] == text.strip()
    assert cut_boilerplate(text)[0] == text.strip()


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_one(text):
    assert is_refusal(text) and is_refusal("\n**" + text)


@pytest.mark.parametrize("text", NO_REFUSALS)
def test_what_is_no_refusal_is_none(text):
    assert not is_refusal(text)


PIECES = [piece for text, _, _ in CUT for piece in (text.split("\n\n")[0], text.split("\n\n")[-1])]
PIECES += [*STAY.values(), *REFUSALS, "\n", "\n\n", "---", "```", " ", "It rained.", "\ud83d", "\x00", "1.", "电影。"]


@example(["```", "\n", "```", "\n", "```"], "stop", "")
@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=20), max_size=6),
    st.sampled_from(["stop", "length"]),
    st.sampled_from(["", "It rained. ", "Write a long story that goes on from this extract."]),
)
def test_twice_is_once_and_nothing_is_added(pieces, reason, prompt):
    text = "\n\n".join(pieces)
    left, names = cut_boilerplate(text, finish_reason=reason, prompt=prompt)
    assert cut_boilerplate(left, finish_reason=reason, prompt=prompt) == (left, [])
    assert bool(names) == (left != text.strip())
    letters = iter(text)
    assert all(letter in letters for letter in left)  # in their order


def test_hostile_texts_take_no_time():
    began = time.monotonic()
    for piece in (
        "Sure! ",
        "here is a story ",
        "I hope this helps ",
        "(" * 99,
        "*" * 99,
        "---\n",
        "``` ",
        "Note: this ",
        "<|",
    ):
        text = piece * (200_000 // len(piece))
        cut_boilerplate(text, finish_reason="length")
        is_refusal(text)
    assert time.monotonic() - began < 10


def test_a_list_of_rules_of_ones_own(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("words: {who: bot|robot}\nopenings:\n  - {name: beep, find: '(?:{who}) says: '}\n")
    assert cut_boilerplate("Robot says: it rained. I hope this helps!", rules=mine) == (
        "it rained. I hope this helps!",
        ["beep"],
    )
    mine.write_text("openings:\n  - {name: robot, find: 'Robot says: it '}\n")
    assert cut_boilerplate("Robot says: it rained.", rules=mine) == ("rained.", ["robot"])
    mine.with_name("bad.yaml").write_text("openings: [{name: bad, find: '('}]")
    with pytest.raises(ValueError, match="bad.yaml: '\\(' is no regular expression"):
        read_rules(mine.with_name("bad.yaml"))
