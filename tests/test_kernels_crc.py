"""The checksum kernels agree with google_crc32c, and the processor's features choose among them."""

import os
import subprocess
import sys

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xjls.kernels import cpu, crc, gather, index, jit
from xjls.kernels.cpu import CrcVariant

VARIANTS = cpu.supported_variants(cpu._target_features())
BYTES = np.random.default_rng(0).integers(0, 256, 3 << 20, dtype=np.uint8)
BYTES.flags.writeable = False


@pytest.fixture(params=VARIANTS)
def crc32c(request):
    return crc.CRC32C[request.param]


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_published_check_value(crc32c):
    digits = np.frombuffer(b"123456789", np.uint8)
    assert crc32c(digits, 0, 9) == 0xE3069283


def test_every_length_to_5000_at_any_offset(crc32c):
    offsets = np.random.default_rng(1).integers(0, 5000, 5001).tolist()
    for length, start in enumerate(offsets):
        assert crc32c(BYTES, start, start + length) == google_crc32c.value(BYTES[start : start + length])


def test_megabytes(crc32c):
    assert crc32c(BYTES, 0, BYTES.size) == google_crc32c.value(BYTES)


@settings(deadline=None)
@given(data=st.binary(max_size=1500), cut=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_any_bytes_between_any_bounds(data, cut):
    start, stop = sorted(int(part * len(data)) for part in cut)
    array = np.frombuffer(data, np.uint8)
    for variant in VARIANTS:
        assert crc.CRC32C[variant](array, start, stop) == google_crc32c.value(data[start:stop])


@pytest.mark.parametrize(("start", "stop"), [(-1, 4), (3, 2), (0, BYTES.size + 1), (2**62, 2**62)])
def test_bounds_outside_the_buffer_are_refused(crc32c, start, stop):
    with pytest.raises(ValueError, match="must lie within the buffer"):
        crc32c(BYTES, start, stop)


@pytest.mark.parametrize(
    ("features", "variants"),
    [
        ({"sse4.2": True, "avx512f": True, "vpclmulqdq": True}, [*CrcVariant]),
        ({"sse4.2": True, "avx512f": False, "vpclmulqdq": True}, [CrcVariant.CRC32Q, CrcVariant.PORTABLE]),
        ({"sse4.2": False}, [CrcVariant.PORTABLE]),
        ({"neon": True, "crc": True}, [CrcVariant.PORTABLE]),
        ({}, [CrcVariant.PORTABLE]),
    ],
)
def test_features_decide_the_variants(features, variants):
    assert list(cpu.supported_variants(features)) == variants


def test_the_fastest_variant_is_the_default(monkeypatch):
    monkeypatch.delenv(cpu.CRC_VARIABLE, raising=False)
    assert cpu.crc_variant.__wrapped__() == VARIANTS[0]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_environment_names_a_variant(monkeypatch, variant):
    monkeypatch.setenv(cpu.CRC_VARIABLE, variant)
    assert cpu.crc_variant.__wrapped__() is variant


def test_an_unknown_variant_is_refused(monkeypatch):
    monkeypatch.setenv(cpu.CRC_VARIABLE, "crc64")
    with pytest.raises(ValueError, match="XJLS_CRC=crc64: this processor runs "):
        cpu.crc_variant.__wrapped__()


def test_a_variant_that_the_processor_lacks_is_refused(monkeypatch):
    monkeypatch.setattr(cpu, "_target_features", dict)
    monkeypatch.setenv(cpu.CRC_VARIABLE, "fold512")
    with pytest.raises(ValueError, match="XJLS_CRC=fold512: this processor runs portable"):
        cpu.crc_variant.__wrapped__()


def test_numbas_own_settings_count(monkeypatch):
    monkeypatch.setattr(cpu.config, "CPU_FEATURES", "+sse4.2,-avx512f")
    assert cpu._target_features() == {"sse4.2": True, "avx512f": False}
    monkeypatch.setattr(cpu.config, "CPU_FEATURES", None)
    monkeypatch.setattr(cpu.config, "ENABLE_AVX", 0)
    assert not any(has for name, has in cpu._target_features().items() if name.startswith("avx"))


def test_a_processor_without_any_feature_compiles_and_computes(tmp_path):
    code = """
import numpy as np
from xjls.kernels import crc, gather
assert gather.gather is gather.GATHER["portable"]
print(hex(crc.crc32c(np.frombuffer(b"123456789", np.uint8), 0, 9)))
"""
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    result = run(code, **plain, XJLS_CRC="")
    assert (result.stdout.strip(), result.stderr) == ("0xe3069283", "")


@pytest.mark.parametrize("module", ["xjls", "xjls.kernels", "xjls.kernels.faults"])
def test_numba_is_imported_with_a_kernel_only(module):
    result = run(f"import sys, {module}; print('numba' in sys.modules)")
    assert (result.stdout.strip(), result.stderr) == ("False", "")


@pytest.mark.parametrize("kernel", [crc.crc32c, gather.gather, index.index_offsets], ids=lambda kernel: kernel.__name__)
def test_cached_kernels_are_stale_when_any_source_changes(kernel):
    assert kernel._cache._cache_file._source_stamp == jit._source_digest()
