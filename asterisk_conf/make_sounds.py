"""Write the sounds of both servers: `python -m asterisk_conf.make_sounds [FOLDER]`.

Everything is 8 kHz mu-law without a header, made from seeded numbers, so the files are the same on every
machine. The two spoken messages need `espeak-ng`; without it the files that are already there are kept.
"""

from __future__ import annotations

import math
import random
import shutil
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterable, Sequence
from pathlib import Path

RATE = 8000
HERE = Path(__file__).parent / "sounds"

MESSAGES = {
    "dialer/message-it": (
        "it",
        "La sua chiamata è stata effettuata per finalità commerciali. "
        "Nessun operatore era libero. Ci scusiamo.",
    ),
    "dialer/message-en": (
        "en",
        "This call was made for telemarketing purposes. "
        "No agent was free to take it. We are sorry.",
    ),
}


def mu_law(sample: int) -> int:
    """One 16-bit sample as a mu-law byte (G.711)."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 0x84
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 0x0F) & 0xFF


def encode(samples: Iterable[float]) -> bytes:
    return bytes(mu_law(round(max(-32635.0, min(32635.0, sample)))) for sample in samples)


def seconds(length: float) -> range:
    return range(round(length * RATE))


def tone(hertz: float, length: float, level: float) -> list[float]:
    """A sine with 5 ms ramps, so that it does not click."""
    count = len(seconds(length))
    ramp = RATE // 200
    return [
        level * min(1.0, i / ramp, (count - i) / ramp) * math.sin(2 * math.pi * hertz * i / RATE)
        for i in range(count)
    ]


def silence(length: float) -> list[float]:
    return [0.0] * len(seconds(length))


def band_pass(samples: Sequence[float], hertz: float, q: float) -> list[float]:
    """A second-order resonance."""
    w = 2 * math.pi * hertz / RATE
    alpha = math.sin(w) / (2 * q)
    b0, a1, a2 = alpha / (1 + alpha), -2 * math.cos(w) / (1 + alpha), (1 - alpha) / (1 + alpha)
    out: list[float] = []
    x1 = x2 = y1 = y2 = 0.0
    for x in samples:
        y = b0 * (x - x2) - a1 * y1 - a2 * y2
        x1, x2, y1, y2 = x, x1, y, y1
        out.append(y)
    return out


def scaled(samples: Sequence[float], peak: float) -> list[float]:
    top = max(map(abs, samples), default=0.0)
    return [s * peak / top for s in samples] if top else list(samples)


def mixed(*layers: Sequence[float]) -> list[float]:
    return [sum(values) for values in zip(*layers, strict=True)]


VOWELS = [(730, 1090), (530, 1840), (300, 2200), (570, 840), (440, 1020)]


def syllable(chance: random.Random, length: float, pitch: float) -> list[float]:
    """A voiced sound: a pulse train with a falling pitch through two formants."""
    pulses: list[float] = []
    phase = 0.0
    count = len(seconds(length))
    for i in range(count):
        phase += pitch * (1 - 0.15 * i / count) / RATE
        pulses.append(1.0 if phase >= 1 else chance.uniform(-0.02, 0.02))
        phase %= 1
    first, second = chance.choice(VOWELS)
    voiced = mixed(band_pass(pulses, first, 6), [0.6 * s for s in band_pass(pulses, second, 9)])
    return [s * math.sin(math.pi * (i + 0.5) / count) ** 0.4 for i, s in enumerate(voiced)]


def speech(chance: random.Random, length: float, peak: float, pitch: float) -> list[float]:
    """Syllables in a row, in words close enough for a greeting: `length` seconds of voice."""
    out: list[float] = []
    count = len(seconds(length))
    while len(out) < count:
        out += scaled(syllable(chance, chance.uniform(0.14, 0.24), pitch), peak)
        out += silence(chance.uniform(0.0, 0.02))
    return out[:count]


def comfort_noise(chance: random.Random, length: float) -> list[float]:
    """A quiet room: low band-limited noise, a murmur of voices and a faint ring far away."""
    count = len(seconds(length))
    hiss = band_pass([chance.uniform(-1, 1) for _ in range(count)], 500, 0.5)
    murmur = [0.0] * count
    for voice in range(3):
        line = speech(chance, length, 1.0, 95 + 25 * voice)
        shift = chance.randrange(count)
        murmur = [m + line[(i + shift) % count] for i, m in enumerate(murmur)]
    ring = [0.0] * count
    start = round(0.35 * count)
    for i, sample in enumerate(tone(425, 1.0, 1.0)):
        ring[start + i] = sample
    return mixed(scaled(hiss, 260), scaled(band_pass(murmur, 350, 0.8), 320), scaled(ring, 60))


def spoken(language: str, text: str) -> list[float] | None:
    """`text` by espeak-ng at 8 kHz, or None where it is not installed."""
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "said.wav"
        subprocess.run([program, "-v", language, "-s", "175", "-w", str(target), text], check=True)
        with wave.open(str(target)) as said:
            rate, raw = said.getframerate(), said.readframes(said.getnframes())
    samples = [
        float(int.from_bytes(raw[i : i + 2], "little", signed=True)) for i in range(0, len(raw), 2)
    ]
    return scaled(resampled(samples, rate), 16000)


def resampled(samples: Sequence[float], rate: int) -> list[float]:
    """To 8 kHz: a windowed-sinc low pass at 3.4 kHz, read at the new instants."""
    half, cut = 32, 3400 / rate
    out: list[float] = []
    for n in range(len(samples) * RATE // rate):
        centre = n * rate / RATE
        total = 0.0
        for k in range(math.ceil(centre - half), math.floor(centre + half) + 1):
            if 0 <= k < len(samples):
                x = k - centre
                window = 0.5 + 0.5 * math.cos(math.pi * x / half)
                angle = 2 * math.pi * cut * x
                sinc = 2 * cut * (math.sin(angle) / angle if x else 1.0)
                total += samples[k] * sinc * window
        out.append(total)
    return out


def sounds() -> dict[str, list[float]]:
    chance = random.Random(20)
    out = {
        "dialer/dialer-noise/noise": comfort_noise(chance, 6.0),
        "dialer/connect": silence(0.12) + tone(880, 0.09, 3500) + tone(1175, 0.09, 3500),
        "far-end/hello": speech(random.Random(1), 0.8, 9000, 150),
        "far-end/speech": speech(random.Random(2), 1.6, 9000, 150),
        "far-end/voicemail": speech(random.Random(3), 5.0, 9000, 190),
        "far-end/agent": tone(440, 1.0, 1500),
    }
    for name, (language, text) in MESSAGES.items():
        said = spoken(language, text)
        if said is not None:
            out[name] = said
    return out


def main(folder: Path = HERE) -> None:
    for name, samples in sounds().items():
        target = folder / f"{name}.ulaw"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encode(samples))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
