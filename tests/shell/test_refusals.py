"""What is wrong is said in one clear line, and the table of commands is sound."""

import pytest
from session_helpers import do, refusal

from digitnet.repl.command import COMMANDS, all_commands, command, split
from digitnet.repl.pictures.file import requested_picture
from digitnet.repl.session import Session

WRONG = {
    "trian": "Did you mean train",
    "t 5x": "mini-batches (500), epochs (3e)",
    "t 1 2": "Example: t 3e",
    "c 1000": "0 to 999",
    "c one": "the number of a case",
    "ch none": "`all`",
    "pas": "needs a name. Example: pas 'my first'",
    "pas ''": "at least one character",
    f"pas {'x' * 65}": "at most 64",
    "pas a\x1b[31mb": "printable",
    "l nobody": "no network named 'nobody'",
    "ren": "needs the name of a saved network. Example: ren first best",
    "ren one": "needs a new name",
    "ren nobody one": "no network named 'nobody'",
    "ren one ''": "at least one character",
    "del": "needs a name",
    "del nobody": "nothing was deleted",
    "n 784": "at least two parts",
    "n 784-x-10": "x is not a layer",
    "n relu tanh": "a recipe has its own",
    "n 784-10 softplus": "not an activation",
    "n 784-10-10 softmax": "not an activation for hidden layers. There are: linear, ",
    "n 784-10 relu tanh cross-entropy": "between 0 and 1",
    "n 784-99999-99999-10": "at most",
    f"n 784{'-2' * 70}-10": "at most 60 layers, not 71",
    "n 12-10": "no data set has 12 numbers in",
    "n 1-1": "no data set has 1 number in",
    "set volume 5": "not a setting. There are: optimizer, rate",
    "set rat 5": "'rat' is not a setting. Did you mean rate?",
    "set optimizer adan": "Did you mean adam",
    "set schedule cosin 20e": "Did you mean cosine?",
    "set augment ligth": "Did you mean light?",
    "n rleu": "'rleu' is neither a recipe nor a shape such as 784-100-10. Did you mean relu?",
    "n 784-10 rleu": "'rleu' is not an activation for hidden layers. Did you mean relu?",
    "n 784-10 relu softmax crossentropy": "Did you mean cross-entropy?",
    "min 5 lbfgs": "'lbfgs' is not a method. Did you mean l-bfgs?",
    "min 5 newton": "'newton' is not a method. There are: l-bfgs, cg",
    "data mnits": "'mnits' is not a data set. Did you mean mnist",
    "t 5 epoch 3": "unexpected '3'",
    "t 5 epohcs": "unexpected 'epohcs'",
    "set rate -1": "must be above 0",
    "set rate 1e400": "rate must be a finite number above 0, not inf",
    "set batch some": "a whole number or all",
    "set threads 0": "from 1",
    "set vi maybe": "vi is on or off, not 'maybe'",
    "tour on": "not the word `off`",
    "plot": "there are no measurements yet",
    "recover": "there is no unfinished training",
    "data cifar": "not a data set. There are: sample",
    "? nothing": "not a command",
    "export": "needs a file. Example: export best.",
    "export first": "'first' has no known suffix; use .npz, .safetensors, .onnx or .py",
    "export first.pickle": "no known suffix",
    "export ''": "cannot be a file",
    "export a\0b.npz": "cannot be a file",
    "export \ud800.npz": "cannot be a file",
    f"export {'x' * 300}.npz": "nothing was written",
    "export no/folder.npz": "No such file or directory; nothing was written",
    "import nobody.npz": "cannot be read: No such file",
    "import ~nobody/x.npz": "cannot be read: No such file",
    "import notes.txt": "has no known suffix; use .npz, .safetensors or .onnx",
    "del frist": "nothing was deleted: there is no network named 'frist'. ls",
    "ren frist a": "nothing was renamed: there is no network named 'frist'. ls",
    "l quick": "n quick makes one from that recipe",
    "t 0": "t: '0' is not valid: an amount must be above 0. Example: t 3e",
    "c 1 5": "c: '5' is not the word `layers`",
    "import first.onnx": "'first.onnx' cannot be read: No such file",
    "import a\x1b[31mb.npz": "cannot be read: No such file",
    f"import {'x/' * 3000}x.npz": "too long",
    "show 0": "a whole number from 1",
    "c 'open": "not closed",
    "i now": "takes no arguments",
    "set lr 3": "'lr' is not a setting. Did you mean rate?",
    "study epoch 1 2": "neither a setting nor a study. Did you mean epochs?",
    "quiz now": "quiz: 'now' is not a number, or `skip`. Example",
    "what is a hidden layer?": "'what' is not a command. ? hidden layer explains it",
    "0,5": "'0,5' is not a command. quiz 0,5 answers a question of quiz",
    "theme light": "'theme' is not a command. Did you mean set theme light?",
    "accuracy": "'accuracy' is not a command. ? accuracy explains it",
    "patient 21": "there are 20 patients",
    "patient rate-high": "no patient is in hand",
    "patient cold": "what is wrong with it",
    "lesson 99": "lessons, not 99",
    "lesson next": "no lesson has begun",
    "lesson off": "no lesson has begun",
    "t 1,00": "whole numbers",
    "quiz 1": "nothing is asked",
    "look 1000": "there is no case 1,000",
    "look five": "look 5",
    "look 5 3e": "an amount is for look train",
    "look train 3 x 4": "look [INDEX or train] [AMOUNT]",
    "why x": "the number of a case",
    "why 1 3": "there is no layer 3: the network has 2",
    "step 101": "at most 100 mini-batches",
    "step 0": "a whole number from 1",
    "find rat": "Did you mean rate?",
    "fool 11 12": "the answers are 0 to 9. Example: fool 0 1",
    "like 5000": "there is no case 5,000",
    "n mini; why 8": "numbered 0 to 7",
    "ch 50": "the test set of mini has 8 cases: ch all checks them",
    "fool 3": "no change of case 3 that changes the answer was found",
    "set augment light; step": "set augment none",
    "pas a; vote a a; step": "a committee cannot be trained",
}


def test_what_is_wrong_is_said_in_one_line(session: Session) -> None:
    do(session, "n")
    for line, said in WRONG.items():
        message = refusal(session, line)
        assert said in message, line
        assert message.isprintable()


NEEDING = (
    "c", "ch", "p", "i", "pas x", "set rate 1", "export x.npz", "why", "step", "look", "d",
    "doctor", "find rate",
)  # fmt: skip


@pytest.mark.parametrize("line", NEEDING)
def test_commands_that_need_a_network_say_so(session: Session, line: str) -> None:
    assert "n makes one" in refusal(session, line)


def test_nothing_is_done_for_nothing(session: Session) -> None:
    for line in ("", "   ", ";", " ; ; ", "# a comment", "\t"):
        assert do(session, line) == []


def test_the_rest_of_a_line_is_not_done_after_a_failure(session: Session) -> None:
    refusal(session, "n; nonsense; pas one")
    assert do(session, "ls")[0]["networks"] == []


def test_an_error_nobody_thought_of_is_told_in_a_line(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(Session, "data", fail)
    message = refusal(session, "show")
    assert "ZeroDivisionError" in message
    assert "kept" in message


def test_two_commands_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match="'train'"):
        command("zz", "train", group="Learning")(lambda session: None)


def test_every_example_in_the_help_is_understood(session: Session) -> None:
    for record in all_commands():
        for example in record.examples:
            ((name, *words),) = split(example)
            assert COMMANDS[name] is record
            arguments, _ = requested_picture(record, words, session)
            record.parse(arguments)
