/* A stand-in for PicoSDK's ps5000a library, for the wrapper picosdk: what `xjls.testing.ps5000a` is to Python.
 *
 * Written from the driver's published signatures. Functions that nothing here needs are appended when it is compiled.
 * The variables that begin with `stand_in_` are for tests.
 */
#include <stdint.h>
#include <string.h>
#include <time.h>

typedef void (*ready_fn)(int16_t, int32_t, uint32_t, int16_t, uint32_t, int16_t, int16_t, void *);

enum { OK = 0, NOT_FOUND = 3, INVALID_HANDLE = 0x0C, INVALID_PARAMETER = 0x0D, INVALID_CHANNEL = 0x10, STALL = 0x1C,
       BUSY = 0x27, INVALID_INTERVAL = 0x2B, NO_BUFFERS = 0x46, TOO_MANY_CHANNELS = 0x121, CHANNELS = 4 };
enum { NONE = 0, AGGREGATE = 1, DECIMATE = 2, AVERAGE = 4 };

int64_t stand_in_elapsed_ns = -1; /* below 0: the machine's clock */
uint32_t stand_in_status = OK;    /* of the next poll */
uint32_t stand_in_question = OK;  /* of opening */
int32_t stand_in_over_range_every = 0;
int64_t stand_in_lost = 0;
int32_t stand_in_is_open = 0, stand_in_is_streaming = 0;

static const char SERIAL[] = "AB123/0042", VARIANT[] = "5444D", FIRMWARE[] = "1.7.16.0";
static const int64_t UNIT_FS[] = {1, 1000, 1000000, 1000000000, 1000000000000, 1000000000000000};
static const int BITS[] = {8, 12, 14, 15, 16};

static int bits, is_on[CHANNELS];
static struct { int16_t *most, *least; int32_t n; int32_t mode; } buffers[CHANNELS];
static struct { int64_t begun_ns, interval_fs, at; uint32_t ratio; int32_t mode; uint32_t n, index, polls; } run;

static int64_t elapsed_ns(void) {
    if (stand_in_elapsed_ns >= 0) return stand_in_elapsed_ns;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint32_t valid(int16_t handle) { return handle == 1 && stand_in_is_open ? OK : INVALID_HANDLE; }

static int16_t count(int channel, int64_t number) {
    if (number % 1000000 == 0) return 32000;
    return (int16_t) (((number + 1000 * channel) % 4000 - 2000) * 8);
}

uint32_t ps5000aOpenUnit(int16_t *handle, const char *serial, int32_t resolution) {
    if (stand_in_is_open || (serial && strcmp(serial, SERIAL))) { *handle = 0; return NOT_FOUND; }
    *handle = 1;
    stand_in_is_open = 1;
    bits = BITS[resolution];
    for (int i = 0; i < CHANNELS; ++i) is_on[i] = 1;
    memset(buffers, 0, sizeof buffers);
    return stand_in_question;
}

uint32_t ps5000aCloseUnit(int16_t handle) {
    uint32_t status = valid(handle);
    stand_in_is_open = 0;
    return status;
}

uint32_t ps5000aChangePowerSource(int16_t handle, uint32_t status) {
    if (valid(handle)) return INVALID_HANDLE;
    if (status != stand_in_question) return INVALID_PARAMETER;
    return OK;
}

uint32_t ps5000aEnumerateUnits(int16_t *n, char *serials, int16_t *length) {
    *n = !stand_in_is_open;
    strcpy(serials, *n ? SERIAL : "");
    *length = (int16_t) strlen(serials);
    return *n ? OK : NOT_FOUND;
}

uint32_t ps5000aGetUnitInfo(int16_t handle, char *text, int16_t length, int16_t *needed, uint32_t info) {
    const char *told = info == 3 ? VARIANT : info == 4 ? SERIAL : info == 9 ? FIRMWARE : "";
    strncpy(text, told, (size_t) length);
    *needed = (int16_t) (strlen(told) + 1);
    return valid(handle);
}

uint32_t ps5000aMaximumValue(int16_t handle, int16_t *value) { *value = bits == 8 ? 32512 : 32767; return valid(handle); }
uint32_t ps5000aMinimumValue(int16_t handle, int16_t *value) { *value = bits == 8 ? -32512 : -32767; return valid(handle); }

uint32_t ps5000aGetAnalogueOffset(int16_t handle, int32_t range, int32_t coupling, float *most, float *least) {
    (void) coupling;
    *most = range < 5 ? 0.25f : range < 8 ? 2.5f : 20.0f;
    *least = -*most;
    return valid(handle);
}

uint32_t ps5000aSetChannel(int16_t handle, int32_t channel, int16_t enabled, int32_t coupling, int32_t range, float offset) {
    (void) coupling; (void) range; (void) offset;
    if (valid(handle)) return INVALID_HANDLE;
    if (channel < 0 || channel >= CHANNELS) return INVALID_CHANNEL;
    int others = 0;
    for (int i = 0; i < CHANNELS; ++i) others += i != channel && is_on[i];
    is_on[channel] = 0;
    if (enabled && others >= (bits == 16 ? 1 : bits == 15 ? 2 : CHANNELS)) return TOO_MANY_CHANNELS;
    is_on[channel] = enabled;
    return OK;
}

uint32_t ps5000aSetBandwidthFilter(int16_t handle, int32_t channel, int32_t bandwidth) {
    (void) channel; (void) bandwidth;
    return valid(handle);
}

uint32_t ps5000aSetSimpleTrigger(int16_t handle, int16_t enable, int32_t source, int16_t threshold, int32_t direction,
                                 uint32_t delay, int16_t automatic_ms) {
    (void) source; (void) threshold; (void) direction; (void) delay; (void) automatic_ms;
    return enable ? INVALID_PARAMETER : valid(handle);
}

uint32_t ps5000aSetDataBuffers(int16_t handle, int32_t channel, int16_t *most, int16_t *least, int32_t n,
                               uint32_t segment, int32_t mode) {
    (void) segment;
    if (valid(handle)) return INVALID_HANDLE;
    buffers[channel].most = most;
    buffers[channel].least = least;
    buffers[channel].n = n;
    buffers[channel].mode = mode;
    return OK;
}

uint32_t ps5000aSetDataBuffer(int16_t handle, int32_t channel, int16_t *most, int32_t n, uint32_t segment, int32_t mode) {
    return ps5000aSetDataBuffers(handle, channel, most, NULL, n, segment, mode);
}

uint32_t ps5000aRunStreaming(int16_t handle, uint32_t *interval, int32_t unit, uint32_t before, uint32_t after,
                             int16_t auto_stop, uint32_t ratio, int32_t mode, uint32_t n) {
    (void) before; (void) after;
    if (valid(handle)) return INVALID_HANDLE;
    if (auto_stop || !ratio) return INVALID_PARAMETER;
    int64_t step_fs = bits == 8 ? 8000000 : 16000000, channels = 0;
    for (int i = 0; i < CHANNELS; ++i) {
        if (is_on[i] && (buffers[i].n != (int32_t) n || buffers[i].mode != mode)) return NO_BUFFERS;
        channels += is_on[i];
    }
    int64_t steps = (*interval * UNIT_FS[unit] + step_fs / 2) / step_fs;
    if (steps < channels) return INVALID_INTERVAL;
    memset(&run, 0, sizeof run);
    run.interval_fs = steps * step_fs;
    *interval = (uint32_t) (run.interval_fs / UNIT_FS[unit]);
    run.begun_ns = elapsed_ns();
    run.ratio = ratio;
    run.mode = mode;
    run.n = n;
    stand_in_is_streaming = 1;
    return OK;
}

static void write_group(int channel, uint32_t index, int64_t group) {
    int16_t most = INT16_MIN, least = INT16_MAX;
    int64_t first = group * run.ratio, sum = 0;
    for (uint32_t i = 0; i < run.ratio; ++i) {
        int16_t value = count(channel, first + i);
        if (value > most) most = value;
        if (value < least) least = value;
        sum += value;
    }
    if (run.mode == AVERAGE) most = (int16_t) (sum / run.ratio);
    if (run.mode == DECIMATE) most = count(channel, first);
    buffers[channel].most[index] = most;
    if (buffers[channel].least) buffers[channel].least[index] = least;
}

uint32_t ps5000aGetStreamingLatestValues(int16_t handle, ready_fn ready, void *parameter) {
    if (valid(handle)) return INVALID_HANDLE;
    if (stand_in_status) {
        uint32_t status = stand_in_status;
        stand_in_status = OK;
        return status;
    }
    if (!stand_in_is_streaming) return BUSY;
    /* In picoseconds: 100 days of them fit into 63 bits */
    int64_t there = (elapsed_ns() - run.begun_ns) * 1000 / (run.interval_fs / 1000 * run.ratio), waiting = there - run.at;
    if (waiting > run.n) {
        run.at += waiting;
        stand_in_lost += waiting;
        return STALL;
    }
    uint32_t n = run.n - run.index, begin = run.index;
    if (waiting < n) n = (uint32_t) waiting;
    if (!n) return BUSY;
    for (int channel = 0; channel < CHANNELS; ++channel)
        for (uint32_t i = 0; is_on[channel] && i < n; ++i) write_group(channel, begin + i, run.at + i);
    run.at += n;
    run.index = (begin + n) % run.n;
    run.polls += 1;
    int16_t over = stand_in_over_range_every && run.polls % (uint32_t) stand_in_over_range_every == 0;
    ready(handle, (int32_t) n, begin, over, 0, 0, 0, parameter);
    return OK;
}

uint32_t ps5000aStop(int16_t handle) {
    stand_in_is_streaming = 0;
    return valid(handle);
}
