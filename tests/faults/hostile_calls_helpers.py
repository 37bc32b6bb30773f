"""What hostile pickles call, and the opcodes by which they do; it would leave a file, MARKER."""

import pickle
import pickletools
from typing import Any

MARKER = "ran"
SHELL = f"touch {MARKER}"
CODE = f"open({MARKER!r}, 'w')"
PROTO = b"\x80\x03"


def value(thing: Any) -> bytes:
    """The opcodes of a plain value, or those given."""
    if isinstance(thing, Raw):
        return thing.raw
    return pickletools.optimize(pickle.dumps(thing, 3))[2:-1]


class Raw:
    """Opcodes that stand for a value."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw


def name_of(dotted: str) -> bytes:
    """GLOBAL: the thing called so, as in `os:system`."""
    module, name = dotted.split(":")
    return f"c{module}\n{name}\n".encode()


def stacked(dotted: str) -> bytes:
    """STACK_GLOBAL: the same by two strings, where the name may have dots."""
    module, name = (value(part) for part in dotted.split(":"))
    return module + name + b"\x93"


def arguments(*things: Any) -> bytes:
    return b"(" + b"".join(map(value, things)) + b"t"


def call(what: bytes, *things: Any) -> bytes:
    """REDUCE: calls it with these arguments."""
    return what + arguments(*things) + b"R"


SYSTEM = name_of("os:system")
ATTACK = call(SYSTEM, SHELL)

CALLS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("os:system", "posix:system", "os:popen", "nt:system"), (SHELL,)),
    **dict.fromkeys(("builtins:eval", "builtins:exec", "__builtin__:eval"), (CODE,)),
    **dict.fromkeys(("timeit:timeit", "pdb:run", "profile:run", "cProfile:run"), (CODE,)),
    **dict.fromkeys(("subprocess:getoutput", "commands:getoutput"), (SHELL,)),
    **dict.fromkeys(("subprocess:Popen", "subprocess:call"), (["touch", MARKER],)),
    "os:execvp": ("touch", ["touch", MARKER]),
    "os:spawnvp": (0, "touch", ["touch", MARKER]),
    "os:posix_spawnp": ("touch", ["touch", MARKER], {}),
    "os:fork": (),
    "os:abort": (),
    "os:_exit": (0,),
    "os:kill": (1 << 30, 9),
    "os:remove": (MARKER,),
    "os:rename": (MARKER, MARKER),
    "os:putenv": ("DIGITNET_SAVES", "/"),
    "os:open": (MARKER, 66),
    "os:dup2": (1, 2),
    "pty:spawn": (["touch", MARKER],),
    "builtins:open": (MARKER, "w"),
    "io:open": (MARKER, "w"),
    "_io:FileIO": (MARKER, "w"),
    "codecs:open": (MARKER, "w"),
    "builtins:compile": (CODE, "x", "exec"),
    "builtins:__import__": ("antigravity",),
    "builtins:breakpoint": (),
    "builtins:input": ("password? ",),
    "builtins:print": ("\x1b[2J",),
    "builtins:getattr": (Raw(name_of("builtins:object")), "__subclasses__"),
    "builtins:setattr": (Raw(name_of("builtins:object")), "x", 1),
    "builtins:type": ("T", (), {}),
    "builtins:map": (Raw(SYSTEM), [SHELL]),
    "builtins:memoryview": (b"x",),
    "builtins:bytearray": (1 << 40,),
    "builtins:range": (1 << 62,),
    "_codecs:encode": ("x", "latin1"),
    "importlib:import_module": ("this",),
    "runpy:run_module": ("antigravity",),
    "runpy:run_path": (MARKER,),
    "code:interact": (),
    "webbrowser:open": ("http://localhost:1/",),
    "urllib.request:urlopen": ("http://localhost:1/",),
    "socket:socket": (),
    "socket:create_connection": (("localhost", 1),),
    "http.client:HTTPSConnection": ("localhost",),
    "smtplib:SMTP": ("localhost", 1),
    "ftplib:FTP": ("localhost",),
    "asyncio:create_subprocess_shell": (SHELL,),
    "multiprocessing:Process": (),
    "_thread:start_new_thread": (Raw(SYSTEM), (SHELL,)),
    "threading:Timer": (0, Raw(SYSTEM), [SHELL]),
    "atexit:register": (Raw(SYSTEM), SHELL),
    "signal:raise_signal": (9,),
    "sys:exit": (0,),
    "sys:settrace": (Raw(SYSTEM),),
    "sys:setrecursionlimit": (1 << 30,),
    "ctypes:CDLL": ("libc.so.6",),
    "ctypes:string_at": (1,),
    "faulthandler:_sigsegv": (),
    "types:CodeType": (),
    "types:FunctionType": (None, {}),
    "marshal:loads": (b"N",),
    "functools:partial": (Raw(SYSTEM), SHELL),
    "functools:reduce": (Raw(SYSTEM), [SHELL, SHELL]),
    "operator:attrgetter": ("__class__.__base__",),
    "operator:methodcaller": ("unlink",),
    "itertools:starmap": (Raw(SYSTEM), [(SHELL,)]),
    "copyreg:_reconstructor": (Raw(name_of("os:_wrap_close")), Raw(name_of("builtins:object")), 0),
    "copyreg:__newobj__": (Raw(name_of("subprocess:Popen")), ["touch", MARKER]),
    "copyreg:add_extension": ("os", "system", 1),
    "collections:OrderedDict": ([("name", "x")],),
    "collections:defaultdict": (Raw(SYSTEM),),
    "decimal:Decimal": ("1e999999999",),
    "fractions:Fraction": ("1e9999999",),
    "datetime:datetime": (b"\x07" * 10,),
    "uuid:UUID": ("0" * 32,),
    "re:_compile": ("(a*)*b", 0),
    "array:array": ("b", b"x"),
    "pathlib:PosixPath": ("/etc/passwd",),
    "tempfile:mkdtemp": (),
    "shutil:rmtree": (MARKER,),
    "shutil:copyfile": (MARKER, MARKER),
    "zipfile:ZipFile": (MARKER, "w"),
    "tarfile:open": (MARKER, "w"),
    "sqlite3:connect": (MARKER,),
    "shelve:open": (MARKER,),
    "logging.config:listen": (0,),
    "logging:FileHandler": (MARKER,),
    "linecache:getlines": ("/etc/passwd",),
    "pickle:loads": (pickle.dumps(name_of),),
    "_pickle:Unpickler": (),
    "pip:main": (["--version"],),
    "numpy:load": (MARKER, None, True),
    "numpy:memmap": (MARKER, "u1", "w+"),
    "numpy:fromfile": (MARKER,),
    "numpy.f2py.crackfortran:myeval": (CODE,),
    "numpy.testing._private.utils:runstring": (CODE, {}),
    "numpy.random._pickle:__bit_generator_ctor": ("MT19937",),
    "numpy.lib.format:read_array": (),
    "numpy.ctypeslib:load_library": ("libc", "."),
    "scipy.io:loadmat": (MARKER,),
    "digitnet.cli:main": (["-c", "pas stolen"],),
    "digitnet.registry.files:make_folder": (MARKER,),
    "digitnet.digits.download:fetch": (),
    "digitnet.registry.saves:Registry": (MARKER,),
}  # fmt: skip
"""What is called with what, by REDUCE."""
