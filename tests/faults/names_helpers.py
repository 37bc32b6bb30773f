"""Three hundred names that make trouble elsewhere, by the kind of trouble."""

from itertools import product

DEVICES = ["con", "prn", "aux", "nul", "com1", "com9", "lpt1", "lpt9", "conin$", "clock$"]
ESCAPES = ["\x1b[31mred", "\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "a\rb", "a\nb", "\x07", "\x08"]
"""What steers a terminal."""

MARKS = "\u200e\u200f\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u061c"
"""What turns the direction of writing."""
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff\u2028\u2029\ufffe\uffff\ue000\ud800\udc80\udfff"
CODES = (*range(0, 32, 3), 0x7F, 0x80, 0x85, 0x90, 0x9B, 0x9C, 0x9F, 0xE0041, 0xE007F)


def words(text: str) -> list[str]:
    return text.split()


HOSTILE = {
    "traversal": [
        *map(
            "".join,
            product(
                ["../", "../../", "/", "./", "..\\", "a/../../", "//", "%2e%2e/", "..%00/", "~/"],
                ["x", "x.pickle", "etc/passwd", "saves/.lock"],
            ),
        ),
        *words(r". .. ... / \ // ~ C:x C:\x \\host\x file:///x x/"),
    ],
    "reserved": [
        *(f"{name}{end}" for name in DEVICES for end in ("", ".txt", ".pickle", " ")),
        *map(str.upper, DEVICES),
        *words("registry registry.pickle .lock .trash x-0123456789abcdef.pickle .writing-1-x"),
        *words("* ? [a-z]* a|b a;b $(id) `id` a&b a>b ' #a &lt; %s {0} [bold]x[/bold] :smile:"),
        *words("<b>x</b> NaN None null true 0 -1 README.md .trash/00000001.deleted.x.pickle"),
        *('"', "a b  c", "a\u3000b"),
    ],
    "length": [
        *("x" * length for length in (1, 63, 64, 65, 255, 256, 4096, 1_000_000)),
        *(char * 64 for char in ("é", "e\u0301", "\U0001f600", "\ufdfa", "ﬃ", "/", ".", "-", " ")),
        *("e\u0301" * 65, "\U0001f600" * 65, "a" + "\u0301" * 63, "a" + "\u0301" * 64),
        *("y" * 64, "Y" * 64, "y" * 63 + "z", "x" * 64 + " " * 900),
    ],
    "control": [*ESCAPES, "\0", "a\tb", "a\vb", "a\fb", *(f"a{chr(code)}b" for code in CODES)],
    "invisible": [f"a{char}b" for char in INVISIBLE],
    "bidi": [
        *(f"a{mark}b" for mark in MARKS),
        *(f"{mark}elkcip" for mark in MARKS),
        *("שלום", "سلام", "abc שלום 123"),
    ],
    "homoglyphs": [
        *words("paypal pаypal раураl ρaypal ｐａｙｐａｌ 𝐩aypal 𝓅aypal ⓟaypal"),
        *words("one οne оne 0ne Οne օne l1 ll lI 1l ⅼl ǀl |l a-b a‐b a‑b a–b a—b a−b a_b a.b"),
        *("a b", "a\u00a0b", "a\u2009b"),
    ],
    "twins": [
        *words("First first FIRST fIRST ﬁrst f\u0131rst f\u0130rst first. é e\u0301 É E\u0301"),
        *words("Å A\u030a \u212b Ω \u2126 ñ n\u0303 ß ss SS ẞ ſs ς σ Σ ǆ ǅ Ǆ ﬀ ff ½ 1⁄2 ² 2"),
        *words("가 \u1100\u1161 が か\u3099 ｶﾞ ガ q\u0307\u0323 q\u0323\u0307 new-york new/york"),
        *(" first", "first ", "first\t", "\u3000first", "new York", "new  York"),
    ],
    "leading dash": words("- -- -x --yes --help -c -rf --saves=/ -\u0301 --json"),
    "emoji": words("😀 👍🏽 👍 ❤️ ❤ 🇦🇹 🏳️‍🌈 👨‍👩‍👧 1️⃣ ☺ ☺︎ 🤷‍♀️ 𓀀 🫠"),
}
"""kind → names."""

NAMES = [name for names in HOSTILE.values() for name in names]
