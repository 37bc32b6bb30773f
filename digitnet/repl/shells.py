"""What a shell knows of the program: `--completion SHELL`, and the page that `--man` prints."""

from collections.abc import Iterable, Mapping

from digitnet.flags import DESCRIPTION, EPILOG, FLAGS, OPTIONS


def _taken() -> Mapping[str, tuple[str, str]]:
    """Each flag with what it takes, if anything, and its help."""
    return FLAGS | {f"--{o.name}": (o.metavar or "", o.help) for o in OPTIONS.values()}


def completion(shell: str) -> str:
    """Lines for the shell's startup file, after which Tab completes the flags of digitnet."""
    if shell == "bash":
        return f"complete -o default -W '{' '.join(_taken())}' digitnet"
    lines = []
    for flag, (takes, said) in _taken().items():
        said = said.replace("'", "’").translate({ord(c): " " for c in "[]:"})
        if shell == "zsh":
            lines.append(f"'{flag}[{said}]{takes and f':{takes}:_files'}' \\")
        else:
            name = f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
            lines.append(f"complete -c digitnet {name} {takes and '-r '}-d '{said}'")
    if shell == "zsh":
        inside = "\n    ".join(lines)
        return f"""#compdef digitnet
_digitnet() {{
  _arguments \\
    {inside}
    '*:FILE:_files'
}}
compdef _digitnet digitnet"""
    return "\n".join(lines)


def manual(commands: Iterable[tuple[str, str]]) -> str:
    """The manual page, as `man` reads it. commands: each with what it does."""
    page = [
        '.TH DIGITNET 1 "" digitnet "User Commands"',
        ".SH NAME",
        _roff(f"digitnet - {DESCRIPTION[0].lower()}{DESCRIPTION[1:].rstrip('.')}"),
        ".SH SYNOPSIS",
        r".B digitnet",
        _roff("[FLAGS] [-c COMMANDS | FILE]"),
        ".SH DESCRIPTION",
        _roff(EPILOG.replace("\n", " ")),
        ".SH OPTIONS",
    ]
    for flag, (takes, said) in _taken().items():
        page += _entry(f"{flag} {takes}".strip(), said)
    page.append(".SH COMMANDS")
    for usage, summary in commands:
        page += _entry(usage, summary)
    return "\n".join(page)


def _entry(term: str, said: str) -> list[str]:
    """A paragraph under a term in bold."""
    return [".TP", rf"\fB{_roff(term)}\fR", _roff(said)]


def _roff(text: str) -> str:
    """The text with what troff would take for commands escaped."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped[:1] in (".", "'") else escaped
