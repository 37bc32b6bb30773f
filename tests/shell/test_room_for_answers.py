"""What an answer has of a screen of 80 columns and 24 rows: all but the prompt and its toolbar."""

from conftest import Start


def test_answers_are_whole_on_the_screen_above_the_prompt(terminal: Start) -> None:
    t = terminal(80, 24)
    t.wait_for("^digitnet>")
    t.type("n; t 100\r")
    t.wait_for("^Trained 100(.|\n)*^quick\\*>$")
    for command in ("plot", "show", "c 7", "cm"):
        t.type(f"{command}\r")
        t.wait_for(f"^quick\\*> {command}\n(.|\n)*^quick\\*>\n(.|\n)* quick .not saved")


def test_the_menu_has_room_once_something_is_typed(terminal: Start) -> None:
    t = terminal(80, 24)
    t.wait_for("^digitnet>")
    t.type("aliases\r" * 12)
    t.read(1)
    t.type("l")
    t.wait_for("^ +l  +Load(.|\n)*^ +list  +List(.|\n)* no network yet")
