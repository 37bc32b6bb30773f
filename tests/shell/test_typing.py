"""Tab and suggestions at a pseudo-terminal."""

from conftest import Start


def test_tab_takes_the_only_candidate_and_keeps_it(terminal: Start) -> None:
    t = terminal(80, 24)
    t.wait_for("^digitnet>")
    t.type("n rel")
    for tab in range(3):
        t.type("\t")
        t.wait_for("^digitnet> n relu")
        t.read(0.3)
        assert "digitnet> n relu" in t.text(), tab
    t.type("\r")  # there is nothing left to be chosen
    t.wait_for("^relu>")


def test_a_pasted_line_is_not_suggested_over_the_whole_screen(terminal: Start) -> None:
    t = terminal(80, 24)
    t.wait_for("^digitnet>")
    t.type("\x1b[200~# a long paste " + "x" * 10_000 + "\x1b[201~")
    t.wait_for("x{80}")
    t.type("\r")
    t.wait_for("^digitnet>$", 60)
    t.type("# short\r")
    t.wait_for("^digitnet>$")
    t.type("# s")
    t.wait_for("^digitnet> # short")  # a line of before, in grey
    t.type("\x15# a")
    t.read(1.0)
    assert "xxx" not in t.text().rpartition("digitnet> # a")[2]
