"""The names that `digitnet` loads when they are first used, for type checkers and editors."""

from digitnet.api import Data as Data
from digitnet.api import Network as Network
from digitnet.api import Part as Part
from digitnet.api import data as data
from digitnet.api import load as load
from digitnet.api import network as network
from digitnet.api import read as read
from digitnet.api import saves as saves
from digitnet.api import show as show
from digitnet.display import Digit as Digit

__version__: str
