"""What is asked and said where saves overwrite each other, and come back."""

import re
from dataclasses import replace

import numpy as np
import pytest
import session_helpers
from registry_helpers import file_of
from session_helpers import Answers, do, refusal, shown

from digitnet.registry import saves
from digitnet.repl.conversation import Conversation
from digitnet.repl.features.saves import welcome
from digitnet.repl.pictures import Screen
from digitnet.repl.session import NonInteractive, Session
from digitnet.repl.terminal.output import ScreenOutput

in_threads = session_helpers.in_threads


def test_p_asks_before_it_overwrites_what_another_program_saved(session: Session) -> None:
    do(session, "n mini; t 10; pas a; t 1")
    assert session.hand
    session.hand.saved_at = "2020-01-01T00:00:00+00:00"  # the file's is another
    session.interactive, session.asker = True, Answers(["n", "y"])
    assert "nothing was saved" in refusal(session, "p")
    assert "another digitnet" in session.asker.asked[0]
    assert session.registry.load("a").trainer.progress.batches == 10
    do(session, "p; t 1; p")  # asks once, and then it is its own
    assert session.registry.load("a").trainer.progress.batches == 12


@pytest.mark.usefixtures("in_threads")
@pytest.mark.parametrize("line", ["t 10; pas x", "study epochs 0 --name x"])
def test_pas_asks_before_it_takes_the_place_of_a_damaged_save(session: Session, line: str) -> None:
    do(session, f"n mini; {line}; ls; n mini3; t 10")
    file_of(session.saves, "x").write_bytes(b"damaged")
    session.interactive, session.asker = True, Answers(["n"])
    assert "nothing was saved" in refusal(session, "pas x")
    assert file_of(session.saves, "x").read_bytes() == b"damaged"
    session.asker.given = ["y"]
    assert "undo" not in said(session, "pas x")  # which does not bring a damaged one back
    assert "nothing whole of 'x'" in refusal(session, "undo")


def test_a_damaged_save_is_named_and_undo_brings_back_the_version_before(session: Session) -> None:
    do(session, "n mini; t 10; pas x; t 5; p")
    path = file_of(session.saves, "x")
    path.write_bytes(before := path.read_bytes()[:-1])
    (listed,) = do(session, "ls")[0]["networks"]
    assert (listed["name"], "cut short" in listed["damaged"]) == ("x", True)
    assert f"damaged: x, {path.name}: it is cut short" in shown(session, "ls", width=200)
    assert "which ls names" in refusal(session, "l other")  # whose name it may have
    assert refusal(session, "l x").endswith("; undo 'x' brings back the version before")
    assert do(session, "undo; l x")[-1]["trained_batches"] == 10
    assert "nothing whole" in refusal(session, "undo")  # the damaged one is kept, no more
    assert "is damaged" in refusal(session, "undo x")
    assert before in [path.read_bytes() for path in session.registry.trash.folder.iterdir()]


def test_a_save_of_the_same_second_by_another_program_is_noticed(session: Session) -> None:
    do(session, "n mini; t 10; pas x")
    other = session.registry.load("x")
    other.trainer.progress.batches = 99
    session.registry.save(other, "x")
    session.interactive, session.asker = True, Answers(["n"])
    assert "nothing was saved" in refusal(session, "t 1; p")


@pytest.mark.parametrize(
    ("line", "others"),
    [("n mini; t 1; pas a; t 1; p; undo", "l a; t 77; p"), ("l a mini; t 1", "n mini; pas a")],
)
def test_p_asks_before_it_overwrites_what_was_saved_since_it_was_undone_or_named(
    session: Session, monkeypatch: pytest.MonkeyPatch, line: str, others: str
) -> None:
    do(session, line)
    monkeypatch.setattr("digitnet.registry.schema.now", lambda: "2099-01-01T00:00:00+00:00")
    do(beside(session), others)
    session.interactive, session.asker = True, Answers(["n"])
    assert "nothing was saved" in refusal(session, "p")


@pytest.mark.parametrize("year", [2020, 2099])
def test_a_recovered_training_asks_before_it_overwrites_another_save(
    session: Session, monkeypatch: pytest.MonkeyPatch, year: int
) -> None:
    do(session, "n mini; t 10; pas x; t 5")
    assert session.unfinished.autosave(session.network())
    session.unfinished.release()
    monkeypatch.setattr("digitnet.registry.schema.now", lambda: f"{year}-01-01T00:00:00+00:00")
    assert "was autosaved: recover loads it." in shown(session, "l x mini", width=200)
    do(session, "t 99; p")
    assert "; its save has 109. p saves it." in shown(session, "recover", width=200)
    session.interactive, session.asker = True, Answers(["n"])
    assert "nothing was saved" in refusal(session, "p")


@pytest.mark.parametrize(
    ("line", "others", "changed"),
    [
        ("t 1; p", "l x; t 1; p", "x"),
        ("pas new", "ren new z", "new"),
        ("pas new", "del new", "new"),
        ("del x", "n mini3; pas x", "x"),
        ("ren x z", "n mini3; pas x", "x"),
    ],
)
def test_undo_does_not_take_back_what_another_program_did(
    session: Session, line: str, others: str, changed: str
) -> None:
    session.asker = NonInteractive(yes=True)
    do(session, f"n mini; t 1; pas x; {line}")
    do(beside(session), others)
    assert f"'{changed}' was changed by another digitnet since: undo" in refusal(session, "undo")
    do(session, f"undo {changed}; undo")


def test_of_several_that_were_deleted_undo_restores_those_that_are_not_back(
    session: Session,
) -> None:
    session.asker = NonInteractive(yes=True)
    do(session, "n mini; t 1; pas a; pas b; pas c; del a b c")
    do(beside(session), "undo b")
    assert do(session, "undo")[0]["restored"] == ["c", "a"]
    assert session.registry.names() == ["a", "b", "c"]
    do(session, "del a")
    do(beside(session), "undo a")
    assert "another digitnet has restored 'a' already" in refusal(session, "undo")


def beside(session: Session) -> Session:
    """A session in another terminal, with the same saves."""
    sets = session.data_sets
    return Session(session.saves, sets.folders, sets.download_to, asker=NonInteractive(yes=True))


@pytest.mark.parametrize("line", ["p", "pas a", "ch all; p", "mine 8 0", "l a; p; p"])
def test_undo_passes_over_what_has_changed_nothing(session: Session, line: str) -> None:
    session.last_pictures = [np.full((28, 28), 9, np.uint8)], None
    do(session, f"mine 8; n mini; t 10; pas a; t 5; p; {line}; undo; l a")
    assert session.network().trainer.progress.batches == 10
    later = beside(session)
    later.asker = NonInteractive()
    assert "an earlier session" in refusal(later, f"l a; {line}; undo")


def test_what_is_said_of_the_version_before_is_what_is_kept(session: Session) -> None:
    do(session, "n mini; t 10; pas a")
    assert "undo" not in said(session, "l a; pas b; l a; pas b")
    assert "undo" not in said(session, "ch all; p")
    assert "undo b" in said(session, "t 1; p")


def said(session: Session, line: str) -> str:
    return shown(session, line, width=200).splitlines()[-1]


def test_undo_says_what_gave_way_and_how_to_get_further(session: Session) -> None:
    do(session, "n mini; t 1; pas a; t 1; p; t 1; p")
    assert said(session, "t 1; p").endswith("; undo a brings back the version before.")
    assert "undo" not in said(session, "p")
    line = said(session, "undo a")
    assert re.match(r"Restored 'a', as saved [-0-9: ]{16} UTC, 3 mini-batches\.", line)
    assert line.endswith("The other version is kept: undo a. The one before it: undo a 2.")
    line = said(session, "undo a 2")
    assert "UTC, 2 mini-batches." in line
    assert line.endswith("The one before it: undo a 3.")
    do(session, "l a")
    assert session.hand
    assert session.hand.trainer.progress.batches == 2
    session.asker = NonInteractive(yes=True)
    do(session, "del a; n mini3; pas a")
    assert "The other version is kept: undo a." in said(session, "undo a")
    assert session.registry.load("a").network.shape == "3-3-2"
    assert "only" in refusal(session, "undo a 9")


def test_a_network_whose_save_is_deleted_is_unsaved_until_that_is_restored(
    session: Session,
) -> None:
    session.asker = NonInteractive(yes=True)
    do(session, "n mini; t 10; pas a; del a")
    assert session.hand
    assert (session.hand.name, session.unsaved) == ("a", "10 mini-batches of training")
    assert said(session, "undo") == "Restored 'a'."
    assert session.unsaved == ""
    do(session, "t 5; del a; undo")
    assert session.unsaved == "5 mini-batches of training"
    do(session, "del a; pas a; undo")
    assert session.unsaved == "15 mini-batches of training"
    do(session, "undo; t 1; p; undo")
    assert session.unsaved == "1 mini-batch of training"
    do(session, "redo")
    assert session.unsaved == ""


UNSAVED = {
    "pas a; ren a b; t 5; p; undo a": "5 mini-batches of training",
    "pas x; ren x y; t 1; p; del y; undo x; undo y": "",
    "pas a; t 1; p; t 1; undo a; undo t": "1 mini-batch of training",
    "t 3; pas a; undo; undo t; set rate 0.9; t 3; undo a": "4 mini-batches of training",
    "pas a; set rate 0.03; del a; undo": "changed settings",
}
"""What is typed after a mini-batch of training, and what is unsaved then."""


@pytest.mark.parametrize(("line", "unsaved"), UNSAVED.items(), ids=UNSAVED)
def test_what_is_unsaved_after_an_undo_is_what_the_save_on_the_disk_does_not_have(
    session: Session, line: str, unsaved: str
) -> None:
    session.asker = NonInteractive(yes=True)
    do(session, f"n mini; t 1; {line}")
    assert session.unsaved == unsaved


def test_a_script_makes_a_network_or_goes_on_with_it(session: Session) -> None:
    line = "l long 784-8-10; t 5; p"
    made, _, _ = do(session, line)
    assert (made["name"], made["trained_batches"]) == ("long", 0)
    gone_on, _, _ = do(session, line)
    assert (gone_on["name"], gone_on["trained_batches"]) == ("long", 5)
    assert "neither a recipe" in refusal(session, "l other nothing")


SAVED = "n mini; t 1; pas a; t 1; p; "
RENAMED: dict[str, tuple[str, list[str]]] = {
    "ren a zz; undo": ("'zz' is called 'a' again.", ["a"]),
    "ren a zz; undo; undo": ("'a' is called 'zz' again.", ["zz"]),
    "ren a b; ren b c; undo a": ("'c' is called 'a' again.", ["a"]),
    "ren a b; ren b c; undo a; undo": ("'a' is called 'c' again.", ["c"]),
    "ren a b; del b; undo": ("Restored 'b'. The one before it: undo b.", ["b"]),
}
"""What is typed, what the last undo says, and the names that are there then."""


@pytest.mark.parametrize("line", RENAMED)
def test_undo_takes_back_a_renaming(session: Session, line: str) -> None:
    session.asker = NonInteractive(yes=True)
    assert (said(session, SAVED + line), session.registry.names()) == RENAMED[line]
    (name,) = session.registry.names()
    assert session.registry.load(name).trainer.progress.batches == 2
    assert session.hand and session.hand.name == name
    assert not session.unsaved


def test_undo_takes_back_a_renaming_after_a_restart(session: Session) -> None:
    do(session, "n mini; t 1; pas a; t 1; p; ren a zz")
    restarted = beside(session)
    restarted.asker = NonInteractive()
    do(restarted, "l zz")
    assert "--yes" in (refused := refusal(restarted, "undo"))
    assert "an earlier session: 'a' was renamed? There is no terminal" in refused
    restarted.asker = Answers(["n", "y"])
    assert "nothing was taken back" in refusal(restarted, "undo")
    assert said(restarted, "undo") == "'zz' is called 'a' again."
    assert restarted.hand and restarted.hand.name == "a"
    do(restarted, "ren a zz")
    assert said(restarted, "undo zz") == "'zz' is called 'a' again."


def test_undo_after_a_training_of_a_network_that_is_gone_asks_what_it_takes_back(
    session: Session,
) -> None:
    session.asker = Answers(["y", "y"])
    do(session, "n mini; pas a; del a; n mini; t 5; n mini; undo")
    assert session.registry.names() == ["a"]
    assert session.asker.asked[-1].startswith(
        "The network trained last is not in hand. Take back the last change of the saves: 'a' was"
    )


def test_the_network_that_took_the_old_name_is_kept(session: Session) -> None:
    do(session, "n mini; t 1; pas a; ren a zz; n mini; t 2; pas a")
    line = said(session, "undo zz")
    assert line.startswith("'zz' is called 'a' again, as saved 2")
    assert line.endswith(" UTC, 1 mini-batch. The other version is kept: undo a.")
    assert session.unsaved == "2 mini-batches of training"
    assert do(session, "undo a; l a")[-1]["trained_batches"] == 2


def test_a_network_whose_save_is_gone_does_not_take_the_name_of_another(session: Session) -> None:
    session.asker = NonInteractive(yes=True)
    do(session, "n mini; t 1; pas a; n mini3; pas e; l a; del a; ren e a; undo")
    assert "Save as: There is no terminal" in refusal(session, "p")


def test_undo_t_means_a_network_of_that_name_until_something_is_trained(session: Session) -> None:
    assert do(session, "n mini; t 10; pas t; t 5; p; undo t; l t")[-1]["trained_batches"] == 10
    assert do(session, "t 5; undo t")[-1]["trained_batches"] == 10


def test_the_list_says_what_each_accuracy_was_measured_on(session: Session) -> None:
    do(session, "n; pas new; t 5; ch all; pas checked")
    listed = {each["name"]: each["measured_on"] for each in do(session, "ls")[0]["networks"]}
    assert listed == {"new": None, "checked": "sample test"}
    assert re.search("size +saved .UTC.$", shown(session, "ls"), re.MULTILINE)


CHANGES = {
    "t 1": {"trained_batches": 10},
    "del a": {"restored": "a"},
    "del a b": {"restored": ["b", "a"]},
    "ren b c": {"restored": "b"},
    "mine 7": {"restored": "mine", "cases": 1},
    "mine remove": {"restored": "mine", "cases": 1},
    "data delete mine": {"restored": "mine", "cases": 1},
    "pas c": {"restored": [], "deleted": ["c"]},
    "study epochs 0 --name c": {"restored": [], "deleted": ["c"]},
    "del s": {"restored": "s"},
    "ren s d": {"restored": "s"},
}
"""A change, and the end of what the undo of it returns."""


@pytest.mark.usefixtures("in_threads")
@pytest.mark.parametrize("again", ["undo", "redo"])
@pytest.mark.parametrize("line", CHANGES)
def test_undo_takes_back_what_was_changed_last_and_redo_or_undo_makes_it_again(
    session: Session, line: str, again: str
) -> None:
    session.asker = NonInteractive(yes=True)
    session.last_pictures = [np.full((28, 28), 9, np.uint8)], None
    do(session, "n mini; t 10; study epochs 0 1 --name s; pas b; pas a; mine 8")
    states = [state(session)]
    do(session, line)
    states.append(state(session))
    results = [do(session, "undo")[0]]
    for index, word in ((0, again), (1, "undo"), (0, again)):
        assert state(session) == states[index]
        results += do(session, word)
    assert state(session) == states[1]
    assert results[0].items() >= CHANGES[line].items()
    if again == "redo":
        assert "there is nothing to redo" in refusal(session, "redo")
        do(session, "undo; t 1")
        assert "there is nothing to redo" in refusal(session, "redo")


def state(session: Session) -> tuple[object, ...]:
    """How far the saves and the network in hand are trained, and the answers in mine."""
    assert session.hand
    saves = {e.name: (e.trained_batches, e.shape) for e in session.registry.saves()}
    return (
        saves,
        session.hand.trainer.progress.batches,
        session.data_sets.own.read("mine").answers.tolist(),
    )


def test_at_the_prompt_a_beginning_or_letters_from_within_name_a_save(session: Session) -> None:
    do(session, "n mini; pas first; pas 'my own'; pas other")
    assert "no network named 'fir'" in refusal(session, "l fir")  # a script means what it says
    session.interactive, session.asker = True, Answers(["y"])
    for typed, name in {"fir": "first", "mwn": "my own", "my own": "my own"}.items():
        assert do(session, f"l {typed}")[0]["name"] == name
    assert "no network named 't'" in refusal(session, "l t")
    assert do(session, "ren oth best")[0]["was"] == "other"
    assert "nothing was deleted" in refusal(session, "del t")
    assert do(session, "del my own")[0]["deleted"] == ["my own"]
    assert session.asker.asked == ["Delete 'my own'?"]


def test_a_word_left_over_is_an_error(session: Session) -> None:
    do(session, "n mini; pas first")
    assert "'banana' is neither a recipe nor a shape" in refusal(session, "l first banana")


def test_who_comes_back_is_told_what_was_saved_last(session: Session) -> None:
    do(session, "n mini; t 10; pas a; ch all; pas 'my own'")
    entries = [replace(e, saved_at=e.saved_at if e.name == "a" else "2020-01-01T12:00:00+00:00")
               for e in session.registry.saves()]  # fmt: skip
    first = "Welcome back. 'a', today. l a goes on with it; ls lists 1 more."
    assert welcome(entries) == first
    assert welcome(entries[1:]).endswith(" 'my own', 2020-01-01. l 'my own' goes on with it.")
    assert welcome([replace(entry, included=True) for entry in entries]) == ""


def test_none_is_called_the_last_where_not_all_could_be_read(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(session, "n mini; pas a; pas b")
    saves._known(session.saves).pop(file_of(session.saves, "b").name)
    for module in ("registry.saves", "repl.conversation"):
        monkeypatch.setattr(f"digitnet.{module}.OFFER_SECONDS", -1.0, raising=False)
    assert Conversation(session, ScreenOutput(Screen())).first_words() == ""


def test_files_that_begin_like_saves_and_are_not_listed_are_told(session: Session) -> None:
    (saved,) = do(session, "n 784-4-10; pas one")[1:]
    data = (session.saves / saved["file"]).read_bytes()
    for name, content in {"mynet.pickle": data, "a (1).pickle": data, "b.pickle": b"else"}.items():
        (session.saves / name).write_bytes(content)
    assert do(session, "ls")[0]["unlisted"] == ["a (1).pickle", "mynet.pickle"]
    assert "not listed: mynet.pickle looks like a save" in shown(session, "ls")
