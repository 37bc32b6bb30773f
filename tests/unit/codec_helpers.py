"""What the tests of pickles share: a sample of everything, and any document."""

from hypothesis import strategies as st

PROTOCOL = b"\x80\x03"

SAMPLE = {
    "none": None,
    "flags": [True, False],
    "numbers": [0, 255, 256, 65_535, 65_536, -1, 1 << 31, -(1 << 63), 0.5],
    "text": "größer 数字 🦆",
    "bytes": [b"", b"short", bytes(300)],
    "empty": [[], {}],
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=300)
)

values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)

documents = st.dictionaries(st.text(max_size=9), values, max_size=5)
