"""Examples and questions on Play: a person presses, a stand-in for the trainer's client hears and answers."""

from __future__ import annotations

from typing import Any

from made_up_play import facts, sampled, status, trace
from person import Person
from waiting import until

from rnnplay import protocol as say
from rnnplay.catalogue import make_config


def shown(index: int = 0, **changes: Any) -> say.ExampleShown:
    fields: dict[str, Any] = {
        "step": 120 + index,
        "index": index,
        "title": f"item {index + 1}",
        "inputs": ("ab", "cd", "ef"),
        "targets": ("gh", None, "ij"),
        "predictions": ("gh", None, "kl"),
        "prediction_probabilities": (0.8, None, 0.5),
        "target_probabilities": (0.8, None, 0.3),
    }
    return say.ExampleShown(**(fields | changes))


async def begin(person: Person, task: str, **told: Any) -> None:
    person.play.drafts.adopt(make_config(task))
    await person.press("enter")
    known = facts(characters=0, held_out=0, has_examples=True, **told)
    await person.tell(say.Started(run="/nowhere/run-1", config=make_config(task), facts=known), status())
    await person.tell(trace(text="ab cd ef\n" * 3), shown())


async def test_a_task_with_items_shows_an_example_and_asks_for_no_sample(person: Person) -> None:
    await begin(person, "tagging", question_help="a sentence", can_sample=False)
    trainer = person.trainers[0]
    assert trainer.commands(say.ShowExample)[0].every > 0
    assert trainer.commands(say.WatchTrace)[0].example == 0
    assert not trainer.commands(say.Sample)
    text = person.sees()
    for words in ("4 Example", "item 1", "p(target)", "1 of 2 right", "a sentence"):
        assert words in text, words


async def test_left_and_right_go_through_examples_and_their_heatmap_follows(person: Person) -> None:
    await begin(person, "tagging", question_help="a sentence", can_sample=False)
    await person.press("4", "right", "right", "left")
    trainer = person.trainers[0]
    assert [command.index for command in trainer.commands(say.ShowExample)] == [0, 1, 2, 1]
    assert [command.example for command in trainer.commands(say.WatchTrace)] == [0, 1, 2, 1]
    await person.tell(shown(2), shown(1))
    assert "item 2" in person.sees()  # the one that was asked for last
    await person.press("3", "right")
    assert "layer 1 unit 2" in person.sees()


async def test_s_asks_the_tasks_question_and_escape_goes_back_to_the_example(person: Person) -> None:
    await begin(person, "tagging", question_help="a sentence", can_sample=False)
    await person.press("s")
    assert "a sentence?" in person.sees()
    await person.press(*"the dog", "enter")
    assert [command.prompt for command in person.trainers[0].commands(say.AskTask)] == ["the dog"]
    said = (say.Candidate("the/DET", 0.91), say.Candidate("dog/NOUN", 0.77))
    await person.tell(say.TaskAnswered(step=130, prompt="the dog", answer=said))
    text = person.sees()
    assert "4 Answer · the dog" in text
    assert "dog/NOUN" in text
    assert "77%" in text
    await person.press("escape")
    assert "4 Example" in person.sees()


async def test_a_question_that_cannot_be_answered_is_told_in_the_status_line(person: Person) -> None:
    await begin(person, "tagging", question_help="a sentence", can_sample=False)
    await person.press("s", *"zzz", "enter")
    await person.tell(
        say.Failed(problem="The network never met the word 'zzz'.", remedy="Use others.", command="AskTask")
    )
    assert "never met the word 'zzz'" in person.sees()
    assert "4 Example" in person.sees()


async def test_s_shows_the_next_item_where_nothing_can_be_asked(person: Person) -> None:
    await begin(person, "caption", can_sample=False)
    written = tuple(say.Candidate(word, 0.9) for word in ("one", "two", "three"))
    await person.press("s")
    await person.tell(shown(1, decoded=written, expected=("one", "two", "three")))
    assert person.trainers[0].commands(say.ShowExample)[-1].index == 1
    await until(lambda: "exactly right" in person.sees())  # all of its words have come


async def test_v_turns_to_a_free_sample_and_back_where_a_task_has_both(person: Person) -> None:
    await begin(person, "song", can_sample=True)
    await person.press("v")
    assert len(person.trainers[0].commands(say.Sample)) == 1
    await person.tell(sampled("i love carrots ", is_first=True))
    assert "4 Sample" in person.sees()
    await person.press("v")
    assert "4 Example" in person.sees()
    await person.press("v")
    assert "4 Sample" in person.sees()
    assert len(person.trainers[0].commands(say.Sample)) == 1


async def test_a_question_refused_before_the_first_example_is_told_below_and_leaves_the_panel_alone(
    person: Person,
) -> None:
    person.play.drafts.adopt(make_config("addition"))
    await person.press("enter")
    known = facts(characters=0, held_out=0, has_examples=True, question_help="two numbers", can_sample=False)
    await person.tell(say.Started(run="/nowhere/run-1", config=make_config("addition"), facts=known), status())
    await person.tell(trace(text="10 11\n"))
    await person.press("s", *"much", "enter")
    await person.tell(say.Failed(problem="'much' is no sum.", remedy="Give two numbers.", command="AskTask"))
    assert "'much' is no sum. Give two numbers." in person.sees()
    assert "An example appears here" in person.sees()
    await person.tell(shown())
    await person.press("s")
    assert "two numbers?" in person.sees()


async def test_f_gives_an_example_the_whole_screen(person: Person) -> None:
    await begin(person, "tagging", question_help="a sentence", can_sample=False)
    await person.press("4", "f")
    assert "p(predict)" in person.sees()
    assert "2 Loss" not in person.sees()
    await person.press("f")
    assert "2 Loss" in person.sees()
