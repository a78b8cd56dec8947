"""What each phone asks of the face: a table of articulatory features over the IPA.

The recogniser tells 191 tokens apart, most of which a small training corpus never contains. Their
articulation is known without any data: /y/ is rounded like /u/, /ɸ/ closes the lips like /p/. The
denoiser reads phones through this table and so carries over to sounds it was never trained on.
"""

from __future__ import annotations

import unicodedata

import numpy as np
import numpy.typing as npt

FEATURES = (
    "vowel",
    "open",
    "front",
    "round",
    "spread",
    "bilabial",
    "labiodental",
    "dental",
    "alveolar",
    "postalveolar",
    "dorsal",
    "guttural",
    "stop",
    "nasal",
    "fricative",
    "approximant",
    "voiced",
    "boundary",
)

# letter: (openness, frontness, rounding), IPA chart positions scaled to 0..1
_VOWELS = {
    "i": (0.05, 1.0, 0.0),
    "y": (0.05, 1.0, 1.0),
    "ɨ": (0.1, 0.5, 0.0),
    "ʉ": (0.1, 0.5, 1.0),
    "ɯ": (0.1, 0.0, 0.0),
    "u": (0.1, 0.0, 1.0),
    "ɪ": (0.25, 0.8, 0.0),
    "ʏ": (0.25, 0.8, 0.9),
    "ʊ": (0.25, 0.2, 0.9),
    "e": (0.4, 1.0, 0.0),
    "ø": (0.4, 1.0, 0.9),
    "ɘ": (0.4, 0.5, 0.0),
    "ɵ": (0.4, 0.5, 0.8),
    "ɤ": (0.4, 0.0, 0.0),
    "o": (0.4, 0.0, 0.9),
    "ə": (0.45, 0.5, 0.0),
    "ɚ": (0.4, 0.5, 0.4),
    "ɛ": (0.65, 0.9, 0.0),
    "œ": (0.65, 0.9, 0.7),
    "ɜ": (0.6, 0.5, 0.0),
    "ɝ": (0.45, 0.5, 0.4),
    "ʌ": (0.7, 0.2, 0.0),
    "ɔ": (0.65, 0.0, 0.7),
    "æ": (0.85, 0.9, 0.0),
    "ɐ": (0.85, 0.5, 0.0),
    "a": (1.0, 0.6, 0.0),
    "ɑ": (1.0, 0.1, 0.0),
    "ɒ": (0.95, 0.0, 0.5),
}

# letters: features that are 1; a number in front sets another value
_CONSONANTS = {
    "p": "bilabial stop",
    "b": "bilabial stop voiced",
    "ɓ": "bilabial stop voiced",
    "m": "bilabial nasal voiced",
    "ʙ": "bilabial voiced",
    "ɸ": "0.7:bilabial fricative",
    "β": "0.7:bilabial fricative voiced",
    "f": "labiodental fricative",
    "v": "labiodental fricative voiced",
    "ɱ": "labiodental nasal voiced",
    "ʋ": "labiodental approximant voiced",
    "θ": "dental fricative",
    "ð": "dental fricative voiced",
    "t": "alveolar stop",
    "d": "alveolar stop voiced",
    "ɗ": "alveolar stop voiced",
    "n": "alveolar nasal voiced",
    "s": "alveolar fricative 0.4:spread",
    "z": "alveolar fricative voiced 0.4:spread",
    "l": "alveolar approximant voiced",
    "ɫ": "alveolar approximant voiced",
    "ɮ": "alveolar fricative voiced",
    "r": "alveolar approximant voiced",
    "ɾ": "alveolar approximant voiced",
    "ɹ": "postalveolar approximant voiced 0.5:round",
    "ɻ": "postalveolar approximant voiced 0.5:round",
    "ɽ": "postalveolar approximant voiced",
    "ʃ": "postalveolar fricative 0.6:round",
    "ʒ": "postalveolar fricative voiced 0.6:round",
    "ʂ": "postalveolar fricative 0.5:round",
    "ʐ": "postalveolar fricative voiced 0.5:round",
    "ʈ": "postalveolar stop",
    "ɖ": "postalveolar stop voiced",
    "ɕ": "postalveolar fricative 0.2:round",
    "ʑ": "postalveolar fricative voiced 0.2:round",
    "ç": "dorsal fricative",
    "ʝ": "dorsal fricative voiced",
    "c": "dorsal stop",
    "ɟ": "dorsal stop voiced",
    "ɲ": "dorsal nasal voiced",
    "ʎ": "dorsal approximant voiced",
    "j": "dorsal approximant voiced 0.4:spread",
    "ɥ": "dorsal approximant voiced round",
    "w": "dorsal approximant voiced round",
    "ɰ": "dorsal approximant voiced",
    "k": "dorsal stop",
    "g": "dorsal stop voiced",
    "ɡ": "dorsal stop voiced",
    "ŋ": "dorsal nasal voiced",
    "x": "dorsal fricative",
    "ɣ": "dorsal fricative voiced",
    "ɴ": "guttural nasal voiced",
    "χ": "guttural fricative",
    "ʁ": "guttural fricative voiced",
    "ʀ": "guttural approximant voiced",
    "ħ": "guttural fricative",
    "ʔ": "guttural stop",
    "h": "guttural fricative",
    "ɦ": "guttural fricative voiced",
}


def articulation(phones: tuple[str, ...]) -> npt.NDArray[np.float32]:
    """Articulatory features of phone tokens.

    phones: tokens in IPA; letters of one token (diphthongs, affricates) are averaged, modifiers and
    unknown symbols count as nothing. Returns float32 [len(phones), len(FEATURES)] in 0..1.
    """
    return np.stack([_token(phone) for phone in phones])


def _token(phone: str) -> npt.NDArray[np.float32]:
    if phone.startswith("<"):
        return _vector("boundary" if phone == "<wb>" else "")
    letters = [
        letter for letter in map(_letter, unicodedata.normalize("NFD", phone)) if letter is not None
    ]
    return np.mean(letters, axis=0) if letters else np.zeros(len(FEATURES), np.float32)


def _letter(letter: str) -> npt.NDArray[np.float32] | None:
    if letter in _VOWELS:
        height, front, rounding = _VOWELS[letter]
        spread = max(0.0, front - height) * (1 - rounding)
        return _vector(f"vowel voiced {height}:open {front}:front {rounding}:round {spread}:spread")
    return _vector(_CONSONANTS[letter]) if letter in _CONSONANTS else None


def _vector(text: str) -> npt.NDArray[np.float32]:
    vector = np.zeros(len(FEATURES), np.float32)
    for word in text.split():
        value, _, name = word.rpartition(":")
        vector[FEATURES.index(name)] = float(value or 1)
    return vector
