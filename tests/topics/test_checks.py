import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.topics.checks import MOST_WORDS, clean_label, find_language, find_problem, find_talk, same_name


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        ("Heating, Ventilation and Air Conditioning", "Heating, Ventilation and Air Conditioning"),
        ('"Album music".', "Album music"),
        ("Topic: **St. Louis restaurants**", "St. Louis restaurants"),
        ("1. E-commerce", "E-commerce"),
        ("7/10", "7/10"),
        ("\n\n  Train tickets \nThese texts are about", "Train tickets"),
        ("食べ物", "食べ物"),
        ("C#", "C#"),
        ("Cooking!", "Cooking"),
        ("", ""),
        ("...", ""),
        ("2) Cats", "Cats"),
        ("3 cats", "3 cats"),
    ],
)
def test_a_reply_is_cleaned_without_losing_what_is_inside(reply, label):
    assert clean_label(reply) == label


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ("Heating, Ventilation and Air Conditioning", None),
        ("C++ and Rust", None),
        ("Sure-fire recipes", None),
        ("I Ching readings", None),
        ("The right to vote", None),
        ("Movie times and movie schedules", None),
        ("O'Brien's e-mails", None),
        ("R&B / soul", None),
        ("", "has no letters"),
        ("1234 567", "has no letters"),
        ("I'm sorry, but I cannot help", "talks"),
        ("Sure, here is a name", "talks"),
        ("As an AI language model", "talks"),
        ("What is this about?", "talks"),
        ("The texts are about dogs", "talks"),
        ("Lo siento, no puedo", "talks"),
        ("The name of this group", "repeats the question"),
        ("Typical words: dog", "repeats the question"),
        ("Baking Bread", "repeats the question"),
        ("dog dogs and dog", "repeats itself"),
        ("Hero heroes", "repeats itself"),
        ("one, two, three, four, five", "repeats itself"),
        ("a name that goes on and on without any end in sight", "longer than 8 words"),
        ("Donaudampfschiffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "longer than"),
        ('The "best" movies', "marks"),
        ("**Movies**", "marks"),
        ("<b>Movies</b>", "marks"),
        ("see https://example.org", "marks"),
        ("Movies and the", "not finished"),
        ("The textbook is a bad one", "is a sentence"),
        ("Last will and testament", None),
        ("Tin can recycling tips", None),
        ("Step by step guides", None),
        ("Peer to peer lending", None),
        ("Movies (old)", None),
        ("Dogs' food", None),
        ("'90s music", None),
        ("Rock 'n' roll", None),
        ("Je suis désolé", "talks"),
        ("Es tut mir leid", "talks"),
        ("抱歉，我无法回答", "talks"),
        ("Извините, я не могу", "talks"),
        ("‘Best’ movies", "marks"),
        ("'Best' movies ever", "marks"),
        ("电影「时间」", "marks"),
        ("Some _good_ movies", "marks"),
        ("Movies (label", "marks"),
        ("Dogs\u202efo stac", "marks"),
        ("Dogs\u200b", "marks"),
        ("Unknown", "repeats the question"),
        ("N/A", "repeats the question"),
        ("Group of texts", "repeats the question"),
        ("Rechtsschutzversicherungsgesellschaftenverband", "longer than"),
        ("Arbeitsunfähigkeitsbescheinigung", None),
    ],
)
def test_what_is_wrong_with_a_name_is_said(label, problem):
    found = find_problem(label, examples=["Baking bread"], language="en")
    assert (found is None) == (problem is None) and (problem or "") in (found or "")


def test_a_name_does_not_copy_a_text():
    documents = ["Please book a table for two at the Ritz tonight"]
    assert find_problem("book a table for two", documents=documents) == "copies a text"
    assert find_problem("Book a table, for two", documents=documents) == "copies a text"
    assert find_problem("Book table for two", documents=documents) is None
    assert find_problem("book a table", documents=documents) is None  # three words are what people say


@pytest.mark.parametrize(
    ("label", "document", "language"),
    [
        ("Duran Duran songs", "all the songs of Duran Duran", "en"),
        ("Problems signing in", "i have problems signing in, help", "en"),
        ("Doctor Who", "who plays the doctor in Doctor Who?", "en"),
        ("Baking bread", "we were baking a loaf of bread", "en"),
        ("ChatGPT", "Кто написал этот текст, человек или ChatGPT?", "ru"),
        ("Crème brûlée recipe", "Whoever has a recipe for crème brûlée should send it to me, please.", "en"),
    ],
)
def test_what_is_odd_is_right_where_the_texts_say_it(label, document, language):
    assert find_problem(label, documents=[document], language=language, examples=["Baking bread"]) is None
    assert find_problem(label, documents=["nothing"], language=language, examples=["Baking bread"])


def test_a_foreign_name_is_not_excused_by_texts_of_another_language_than_the_wanted_one():
    documents = ["El gato duerme en la cocina y el perro come pan con la abuela todos los días."]
    assert "not in the language" in find_problem("El gato en la cocina", documents=documents, language="en")
    assert "not in the language" in find_problem("El perro come pan", documents=documents, language="ru")


def test_a_sentence_that_refuses_is_no_summary():
    assert find_talk("I'm sorry, as an AI language model I cannot help with that.")
    assert find_talk("These texts are about dogs.", language="en") is None
    assert find_talk("Эти тексты о собаках и кошках.", language="en")


@pytest.mark.parametrize(
    ("label", "language", "fits"),
    [
        ("Поезда и билеты", "en", False),
        ("电影时间", "en", False),
        ("Train tickets", "ru", False),
        ("电影时间", "zh", True),
        ("映画の時間", "ja", True),
        ("Поезда и билеты", "ru", True),
        ("Recetas de pan y cocina casera", "en", False),
        ("Recetas de pan y cocina casera", "es", True),
        ("Die Geschichte der Eisenbahn in Bayern", "en", False),
        ("Changing and refunding flights", "en", True),
        ("Booking a table at a restaurant", "en", True),
        ("Pizza", "en", True),
        ("Anime and manga", "ja", False),
        ("Smalltalk", None, True),
        ("Habari za leo", "xx", True),
    ],
)
def test_a_name_is_in_the_language_of_its_texts(label, language, fits):
    problem = find_problem(label, language=language)
    assert (problem is None) == fits and (fits or "is not in the language" in problem)


def test_class_names_of_known_datasets_are_taken_for_english():
    names = ["activate my card", "card payment fee charged", "country support", "exchange rate", "top up limits",
             "verify source of funds", "wrong amount of cash received", "Rate book", "Play music", "Get weather",
             "Search creative work", "Add to playlist", "Book restaurant", "Search screening event",
             "Pending cash withdrawal", "Declined transfer", "Passcode forgotten"]  # fmt: skip
    wrong = {name: problem for name in names if (problem := find_problem(name, language="en"))}
    assert not wrong


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Movie schedules", "Schedule of the movies", True),
        ("TRAVEL and money", "Money and travel", True),
        ("C", "C++", False),
        ("C#", "C++", False),
        ("Train tickets", "Plane tickets", False),
        ("दिन", "दान", False),
        ("News", "New", False),
        ("Flights to Spain", "Flights from Spain", False),
        ("the", "the", True),
        ("!!", "??", False),
    ],
)
def test_which_names_are_the_same(one, other, same):
    assert same_name(one, other) == same == same_name(other, one)


def test_the_language_of_texts():
    assert find_language(["The quick brown fox jumps over the lazy dog and goes home to sleep."]) == "en"
    assert find_language(["El perro come en la casa de mi abuela todos los días."]) == "es"
    assert find_language(["12345", "🙂"]) is None and find_language([]) is None


@given(st.text(max_size=200))
def test_any_reply_is_cleaned_and_judged(reply):
    label = clean_label(reply)
    assert (
        "\n" not in label and label == label.strip() and clean_label(label) in (label, clean_label(clean_label(label)))
    )
    if find_problem(label, language="en") is None:
        assert 1 <= len(label.split()) <= MOST_WORDS and any(sign.isalpha() for sign in label)
        assert not set(label) & set('"`<>{}[]*')


@given(st.lists(st.sampled_from("bread oven train ticket cat of and the".split()), min_size=1, max_size=6))
def test_same_name_is_an_equivalence(words):
    label, turned = " ".join(words), " ".join(reversed(words)).upper()
    assert same_name(label, turned) and same_name(turned, label)
