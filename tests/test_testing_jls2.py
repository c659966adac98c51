"""The byte-for-byte writer against pyjls: the same calls must leave the same file."""

import numpy as np
import pyjls
import pytest

from xjls.testing.jls2 import Annotation, Definition, Fsr, Source, UserData, Vsr, chunks_of, encode_definition, iter_calls
from xjls.testing.jls2.records import pack_samples


def replay(path, definition):
    """Make pyjls write a definition with the calls that our writer takes."""
    with pyjls.Writer(str(path)) as writer:
        for call in iter_calls(definition):
            _PYJLS_CALLS[call.verb](writer, call)
    return path.read_bytes()


def _source(writer, call):
    s = call.subject
    writer.source_def(s.source_id, s.name, s.vendor, s.model, s.version, s.serial_number)


def _signal(writer, call):
    s = call.subject
    if isinstance(s, Vsr):
        writer.signal_def(s.signal_id, s.source, signal_type=1, name=s.name, units=s.units,
                          annotation_decimate_factor=s.annotation_decimate)  # fmt: skip
        return
    writer.signal_def(
        s.signal_id,
        s.source,
        data_type=s.kind.data_type(s.q),
        sample_rate=s.rate_hz,
        samples_per_data=s.samples_per_data,
        sample_decimate_factor=s.sample_decimate,
        entries_per_summary=s.entries_per_summary,
        summary_decimate_factor=s.summary_decimate,
        annotation_decimate_factor=s.annotation_decimate,
        utc_decimate_factor=s.utc_decimate,
        name=s.name,
        units=s.units,
    )
    if s.omit == "constant":
        writer.fsr_omit_data(s.signal_id, False)  # inverted in pyjls 0.17: this turns omission on


def _samples(writer, call):
    s, (start, stop) = call.subject, call.detail
    samples = s.array[start:stop].copy()
    if s.kind.bits < 8:
        samples = np.frombuffer(pack_samples(samples, s.kind), np.uint8).copy()
    writer.fsr(s.signal_id, s.first_id + start, samples)


def _annotation(writer, call):
    a = call.detail
    writer.annotation(call.subject.signal_id, a.timestamp, a.y, a.type, a.group, a.data)


_PYJLS_CALLS = {
    "source": _source,
    "signal": _signal,
    "user_data": lambda writer, call: writer.user_data(call.subject.meta, call.subject.data),
    "samples": _samples,
    "tie": lambda writer, call: writer.utc(call.subject.signal_id, *call.detail),
    "annotation": _annotation,
}
