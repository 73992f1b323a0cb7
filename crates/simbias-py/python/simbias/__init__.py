"""Measures, explains and changes the inductive bias of neural networks.

>>> import numpy as np, simbias
>>> rng = np.random.default_rng(0)
>>> X = rng.normal(size=(400, 2))
>>> found = simbias.reliance(lambda rows: rows[:, 0], X, X[:, 0] > 0, progress=False)
>>> [row["block"] for row in found.rows("blocks") if row["verdict"] == "exclusive"]
['x[0]']

The functions take NumPy arrays, pandas and polars tables, torch tensors and paths. Each runs the command of the same name of
the program ``simbias`` and gives the same numbers; further keyword arguments are the flags of that command
(``--image-size 64x64`` is ``image_size=(64, 64)``).
"""

from ._audit import audit
from ._checkpoints import compare_spectra, learning_rates, perplexity, prune, sparsities, spectrum
from ._claims import claims
from ._errors import InputError
from ._native import __version__
from ._reliance import compare, reliance
from ._results import Audit, Comparison, LearningRates, Reliance, Result, Sparsities, Spectrum
from ._synth import Synthesized, synth

__all__ = [
    "Audit",
    "Comparison",
    "InputError",
    "LearningRates",
    "Reliance",
    "Result",
    "Sparsities",
    "Spectrum",
    "Synthesized",
    "__version__",
    "audit",
    "claims",
    "compare",
    "compare_spectra",
    "learning_rates",
    "perplexity",
    "prune",
    "reliance",
    "sparsities",
    "spectrum",
    "synth",
]
