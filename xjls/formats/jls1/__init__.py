"""JLS v1: what Joulescope recorded before JLS v2, and the container and calibration that a JS110 keeps in itself.

Field notes:

- The container ("datafile") serves recordings, calibrations and firmware alike. A calibration inside a recording is a
  container of its own; a JS110 serves the same bytes over USB.
- A calibration is JSON with bare ``NaN``. Arrays of currents have eight elements in instruments, of which the last is
  NaN, and nine in files that newer software saved: only the first seven count.
- Who made a calibration stands in a signature that only its maker's key verifies: it is kept, not checked.
- Words are those of the USB packets, not suppressed. Both 0xFFFF: the sample is missing; a current of 0xFFFF alone is a
  saturated one. Whole packets have an even number of samples, so that the toggling bit does not show their loss.
- The first samples of a recording are a switch of ranges too: from "off".
- Joulescope's own processor fails where switches keep a window open for 64 samples or more (joulescope 1.5.0: one
  sample too many, and memory written past its end), and gives the samples of a window that is open at the end neither
  voltage nor range.
"""
