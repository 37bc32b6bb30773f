"""Help for every word that the program uses."""

import pytest
from session_helpers import do, refusal, shown

from digitnet.engine.settings import SETTINGS
from digitnet.recipes import RECIPES
from digitnet.repl.command import COMMANDS, split
from digitnet.repl.glossary import meanings, words
from digitnet.repl.session import SESSION_SETTINGS, Session


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("epoch", "One pass over all training cases"),
        ("Epochs", "One pass over all training cases"),
        ("rate", "Learning rate"),
        ("learning rate", "Learning rate"),
        ("cost", "What training lowers"),
        ("quick", "A small network"),
        ("mnist", "MNIST's digits"),
        ("adam", "Kingma and Ba"),
        ("cosine", "cos"),
        ("light", "Rotation 8"),
        ("softmax", "along each row"),
        ("cross-entropy", "ln"),
        ("test set", "kept out of training"),
        ("mini-batches", "The few cases"),
        ("minibatch", "The few cases"),
        ("labels", "The right answer"),
        ("hidden-layers", "between the inputs"),
        ("vanishing gradients", "fade"),
        ("regularisation", "memorizing"),
        ("losses", "What training lowers"),
        ("config", "config.toml"),
        ("alias", "$1"),
        ("keys", "Ctrl-R"),
        ("history", "Ctrl-R"),
        ("penalty", "penalties"),
        ("squared error", "Σᵢ (aᵢ − yᵢ)²"),
        ("batch size", "mini-batch"),
        ("feature maps", "small kernels"),
        ("η", "Learning rate"),
        ("δ", "error signal"),
        ("confusion matrix", "each guess"),
        ("recall", "Recall: "),
        ("hyperparameter", "are chosen"),
        ("iteration", "an iteration"),
        ("plateau", "a higher rate"),
        ("rmsprop", "s ← 0.9 s"),
        ("step", "0.01 from"),
    ],
)
def test_a_word_is_explained(session: Session, word: str, says: str) -> None:
    (told,) = do(session, f"? {word}")
    assert any(says in meaning["text"] for meaning in told["meanings"]), told


def test_a_word_with_two_meanings_gets_both(session: Session) -> None:
    (told,) = do(session, "? relu")
    assert {meaning["kind"] for meaning in told["meanings"]} == {"a recipe", "an activation"}


def test_of_a_cost_the_form_in_use_is_explained(session: Session) -> None:
    assert len(do(session, "? cross-entropy")[0]["meanings"]) == 2
    assert "for independent outputs" in " ".join(shown(session, "? n").split())
    for output in ("softmax", "sigmoid"):
        *_, told = do(session, f"n 784-9-10 relu {output}; ? cross-entropy")
        assert [each["kind"] for each in told["meanings"]] == [f"a cost of {output} outputs"]


def test_every_setting_and_recipe_is_explained_and_every_example_can_be_typed() -> None:
    assert {*SETTINGS, *SESSION_SETTINGS, *RECIPES} <= set(words())
    for word in words():
        for meaning in meanings(word):
            ((name, *arguments),) = split(meaning.example)
            COMMANDS[name].parse(arguments)
            assert 15 <= len(meaning.text) <= 250 or meaning.kind != "a term", meaning


@pytest.mark.parametrize("name", [*SETTINGS, *SESSION_SETTINGS])
def test_the_example_of_a_setting_is_a_value_that_it_takes(session: Session, name: str) -> None:
    (example,) = {m.example for m in meanings(name) if m.kind == "a setting"}
    do(session, f"n; {example}")


def test_commands_come_first_and_the_nearest_word_is_named(session: Session) -> None:
    assert do(session, "? t")[0]["commands"][0]["name"] == "t"
    assert "Did you mean epoch" in refusal(session, "? epock")
    assert "Did you mean momentum?" in refusal(session, "? momentun")
