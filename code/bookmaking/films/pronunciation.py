"""How to say what is written: captions keep the written form, the voice gets words.

The voice reads plain English well. What is not plain English is listed here or refused.
Source: https://github.com/espeak-ng/espeak-ng, whose rules the voice follows.
"""

import re

from bookmaking.films.scenes import FilmError

WORDS = {
    "BibTeX": "bib tech",
    "GradientTape": "gradient tape",
    "JAX": "jacks",
    "Jupyter": "jupitter",
    "Keras": "kerras",
    "LightningModule": "lightning module",
    "NumPy": "num pie",
    "PyTorch": "pie torch",
    "ReLU": "ray loo",
    "TensorFlow": "tensor flow",
    "XLA": "X L A",
    "YAML": "yammel",
    "float32": "float thirty-two",
    "float64": "float sixty-four",
    "pytree": "pie tree",
    "scikit-learn": "sigh kit learn",
    "tanh": "tanch",
    "vmap": "vee map",
}
LETTERS = {"a": "eigh", "A": "eigh"}  # alone it would be the article
DIGITS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "zero one two three four five six seven eight nine".split(), strict=True))
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")

POWER = re.compile(r"(\d+) × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
SUBSCRIPTED = re.compile(r"\b(d?)([A-Za-z])([₀₁₂₃₄₅₆₇₈₉])")
NUMBER = re.compile(r"\d+(\.\d+)?")
SPEAKABLE = re.compile(r"[A-Za-z0-9 ,.:;?'\-]+")
VOWEL = re.compile(r"[aeiouyAEIOUY]")


def spoken(text: str) -> str:
    """Return a sentence as the voice is to say it.

    Raises
    ------
    FilmError
        When something is left that the voice would misread: a symbol, a name in capitals or with capitals,
        digits or underscores inside, or letters without a vowel.
    """
    said = POWER.sub(_power, text)
    said = SUBSCRIPTED.sub(_subscripted, said)
    said = said.replace("%", " percent").replace('"', "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    for written, words in WORDS.items():
        said = re.sub(rf"(?<![\w]){re.escape(written)}(?![\w])", words, said)
    if not SPEAKABLE.fullmatch(said):
        strange = "".join(sorted({c for c in said if not SPEAKABLE.fullmatch(c)}))
        raise FilmError(f'the voice cannot say {strange!r} in "{text}": list it in pronunciation.py')
    for word in re.findall(r"[^\s,:;?'\-]+", said):
        if not _sayable(word.rstrip(".")):
            raise FilmError(f'the voice would misread {word!r} in "{text}": list it in pronunciation.py')
    return said


def _power(found: re.Match) -> str:
    exponent = int(found[2].translate(SUPERSCRIPTS))
    return f"{found[1]} times ten to the {'minus ' if exponent < 0 else ''}{abs(exponent)}"


def _subscripted(found: re.Match) -> str:
    letter = LETTERS.get(found[2], found[2])
    return f"{'d ' if found[1] else ''}{letter} {DIGITS[found[3]]}"


def _sayable(word: str) -> bool:
    if len(word) == 1 or NUMBER.fullmatch(word):
        return True
    return word.isalpha() and word[1:].islower() and bool(VOWEL.search(word))
