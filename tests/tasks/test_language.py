"""Sentiment, tagging, translation, typing: what their grammars promise, and what no simpler predictor can do."""

from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.tasks import make, sentiment, tagging, translate, typing_messages
from rnnplay.tasks.base import Array, Batch
from rnnplay.tasks.generated import SPLITS
from rnnplay.tasks.sentiment import Sentiment
from rnnplay.tasks.tagging import Tagging
from rnnplay.tasks.translate import Translate
from rnnplay.tasks.typing_messages import Typing
from rnnplay.tasks.words import RARE, Words, tokens


@pytest.fixture(scope="module")
def reviews() -> Sentiment:
    return Sentiment(make_config("sentiment"))


def test_there_are_1_200_different_reviews_at_least_half_of_them_good(reviews: Sentiment) -> None:
    keys = [key for split in SPLITS for key in reviews.keys[split]]
    assert len(set(keys)) == len(keys) >= 1_200
    for split in SPLITS:
        labels = [label for _, label in reviews.bags(reviews.pool[split])]
        assert 0.45 < np.mean(labels) < 0.55


def test_a_bag_of_words_stays_below_60_percent(reviews: Sentiment) -> None:
    for split in ("validation", "test"):
        batch = reviews.pool[split]
        labels = [label for _, label in reviews.bags(batch)]
        assert np.mean(reviews.bag_of_words(batch).argmax(axis=1) == labels) < 0.6


def test_no_word_leans_to_one_label(reviews: Sentiment) -> None:
    lines = list(islice(iter(sentiment.Reviews()), 20_000))
    counts: dict[str, list[int]] = {}
    for line in lines:
        text, label = line.split("\t")
        for word in set(text.split()):
            counts.setdefault(word, [0, 0])[label == "good"] += 1
    for word, (bad, good) in counts.items():
        assert abs(good - bad) < 5 * np.sqrt(good + bad) + 1, word


def test_a_contrast_turns_the_label_by_its_last_clause(reviews: Sentiment) -> None:
    lines = islice(iter(sentiment.Reviews()), 5_000)
    plain = [line for line in lines if " , but the " in line and "not" not in line and "never" not in line]
    good = set(sentiment.ADJECTIVES[True]) | {noun.split()[1] for noun in sentiment.NOUNS[True]}
    for line in plain:
        text, label = line.split("\t")
        after = text.split(" , but ")[1].split(" . ")[0]
        if "hardly" not in after and "far from" not in after and "anything but" not in text:
            assert bool(good & set(after.split())) == (label == "good"), line


def test_a_typed_review_is_told_word_by_word_and_unknown_words_are_named(reviews: Sentiment) -> None:
    told = reviews.answer_question("The soup was superb.", lambda batch: np.full((len(batch.inputs), 2, 1), 0.5))
    assert [word for word, _ in told] == ["the", "soup", "was", "superb", ".", "= bad"]
    with pytest.raises(UserError, match="'zebra'"):
        reviews.answer_question("the zebra was superb", lambda batch: batch.inputs)


@pytest.fixture(scope="module")
def tagged() -> Tagging:
    return Tagging(make_config("tagging"))


def test_many_words_have_two_tags_and_the_word_alone_does_not_tell(tagged: Tagging) -> None:
    batch = tagged.test()
    assert batch.weights is not None
    counted = batch.weights > 0
    hard = np.isin(batch.inputs, tagged.ambiguous) & counted
    assert hard.sum() > 0.2 * counted.sum()
    train = tagged.pool["train"]
    counts = np.zeros((tagged.inputs, tagged.outputs))
    np.add.at(counts, (train.inputs, train.targets), train.weights)
    commonest = counts.argmax(axis=1)[batch.inputs] == batch.targets
    assert commonest[hard].mean() < 0.9 < 0.97


def test_the_words_on_the_left_decide_every_tag() -> None:
    seen: dict[tuple[str, ...], str] = {}
    for line in islice(iter(tagging.TagGrammar()), 30_000):
        words: list[str] = []
        for pair in line.split():
            word, _, tag = pair.rpartition("/")
            words.append(word)
            assert seen.setdefault(tuple(words), tag) == tag, words


def test_the_same_word_is_noun_and_verb_in_one_sentence() -> None:
    lines = list(islice(iter(tagging.TagGrammar()), 5_000))
    assert any(f"{word}/NOUN" in line and f"{word}/VERB" in line for line in lines for word in tagging.BOTH)


@pytest.fixture(scope="module")
def pairs() -> Translate:
    return Translate(make_config("translate"))


def test_there_are_5_000_different_sentences_and_each_has_one_translation(pairs: Translate) -> None:
    assert sum(len(pairs.keys[split]) for split in SPLITS) >= 5_000
    found: dict[str, str] = {}
    for line in islice(iter(translate.TranslationGrammar()), 30_000):
        english, spanish = line.split("\t")
        assert found.setdefault(english, spanish) == spanish


def test_articles_adjectives_and_nouns_agree_in_every_sentence() -> None:
    forms: dict[str, tuple[str, int]] = {}
    for _, spanish, gender in (*translate.PEOPLE_ROWS, *translate.OBJECT_ROWS, *translate.PLACE_ROWS):
        forms[spanish], forms[translate.plural_es(spanish)] = (gender, 1), (gender, 2)
    articles = {spanish: (gender, number) for (_, gender, number), spanish in translate.ARTICLES.items()}
    articles |= {"del": ("m", 1), "mi": ("", 1), "mis": ("", 2)}
    for line in islice(iter(translate.TranslationGrammar()), 5_000):
        words = line.split("\t")[1].split()
        for before, word, after in zip(words, words[1:], words[2:], strict=False):
            if word in forms and before in articles:
                gender, number = articles[before]
                assert number == forms[word][1] and gender in ("", forms[word][0]), line
            if word in forms and any(after.startswith(es[:-1]) for _, es in translate.LASTING_ROWS):
                plural_or_feminine = [translate.inflect(es, *forms[word]) for _, es in translate.LASTING_ROWS]
                assert after in plural_or_feminine, line


def test_words_change_places() -> None:
    lines = [line.split("\t") for line in islice(iter(translate.TranslationGrammar()), 5_000)]
    colours = {english: spanish for english, spanish in translate.LASTING_ROWS}
    moved = pronouns = owners = 0
    for english, spanish in lines:
        source, target = english.split(), spanish.split()
        for adjective, noun in pairwise(source):
            for en, es, gender in translate.OBJECT_ROWS:
                if adjective in colours and noun == en:
                    assert f"{es} {translate.inflect(colours[adjective], gender, 1)}" in spanish
                    moved += 1
        if source[-2] in ("him", "her", "them"):
            assert target[-3] in ("lo", "la", "los")
            pronouns += 1
        owners += ("'s" in english) and (" de " in spanish or " del " in spanish)
        assert (" not " in english) == (" no " in spanish)
    assert min(moved, pronouns, owners) > 100


def test_the_source_is_reversed_and_padded_in_front(pairs: Translate) -> None:
    example = pairs.example(4)
    assert example.source is not None and example.title == " ".join(reversed(example.source))
    batch = pairs.batch(0)
    assert batch.source is not None and batch.source_mask is not None
    assert (np.diff(batch.source_mask.astype(int), axis=0) >= 0).all() and batch.source_mask[-1].all()


def test_a_typed_sentence_is_translated_by_feeding_its_words_back(pairs: Translate) -> None:
    wanted = [pairs.vocabulary.index(word) for word in ["la", "casa", "."]] + [pairs.end]

    def network(batch: Batch) -> Array:
        p = np.full((len(batch.inputs), pairs.outputs, 1), 0.01)
        for t in range(len(batch.inputs)):
            p[t, wanted[t]] = 0.9
        return p

    assert [word for word, _ in pairs.answer_question("The house", network)] == ["la", "casa", "."]
    with pytest.raises(UserError, match="'spaceship'"):
        pairs.answer_question("the spaceship", network)


def test_what_decides_a_message_stands_far_back_and_nothing_between_tells() -> None:
    task = Typing(make_config("typing"))
    texts = [key.split() for key in task.keys["test"]]
    distances = []
    for words in texts:
        at = task.decided[" ".join(words)]
        decided = words[at]
        ids = np.array([task.vocabulary.index(word) for word in words])
        open_ = task.feature(f"{decided} is to come", ids)
        assert open_.any() and not open_[at] and open_[at - 1]
        distances.append(at - int(open_.argmax()))
    assert min(distances) >= 5 and np.mean(distances) > 9
    # The words just before are the same for several endings.
    before: dict[tuple[str, ...], set[str]] = {}
    for words in texts:
        at = task.decided[" ".join(words)]
        before.setdefault(tuple(words[at - 4 : at]), set()).add(words[at])
    assert np.mean([len(endings) > 1 for endings in before.values()]) > 0.9


def test_all_messages_are_different_and_name_their_ending_once() -> None:
    lines = list(islice(iter(typing_messages.Messages()), 3_000))
    for line in lines:
        text, _, at = line.partition("\t")
        assert text.split()[int(at)] in {*typing_messages.SENT, *typing_messages.LEFT, *typing_messages.WEATHER}


def test_words_in_a_row_are_the_text_again_and_rare_ones_are_one() -> None:
    text = '"I came," he said. "It\'s - well, half-past ten."\n\nACT I\n\tEnd'
    assert "".join(tokens(text)) == text
    task = make(make_config("words"))
    assert isinstance(task, Words)
    assert "<rare>" in task.decode(task.held_out_ids[:200])
    ids, unknown = task.encode("The lamp zzyzx")
    assert unknown == ("zzyzx",) and len(ids) == 3 and ids[2] == task.unknown_id
    for name in task.feature_names():
        assert task.feature(name, task.held_out_ids[:50]).shape == (50,)


def test_a_file_is_read_word_by_word_and_its_unknown_words_as_the_rare_one(tmp_path: Path) -> None:
    task = make(make_config("words"))
    assert isinstance(task, Words)
    text = "The lamp, the zzyzx!\n"
    (tmp_path / "own.txt").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    ids, left_out = task.encode_file(str(tmp_path / "own.txt"))
    assert left_out == ()
    assert task.decode(ids) == text.replace(" zzyzx", RARE)
