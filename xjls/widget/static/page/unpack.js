// What the page carries, from text to arrays: base64 of zlib of arrays whose bytes were sorted by place.

const HALVES = 1 << 16;
let halves = null;

/**
 * Unpack all arrays of a page.
 *
 * @param {string} text base64
 * @param {Array<{type: string, n: number, scale: number}>} described in their order; `type` is f2, f4 or f8, of which
 *   the values times `scale` are meant
 * @returns {Promise<Array<Float32Array|Float64Array>>}
 */
export async function unpackArrays(text, described) {
  const bytes = await inflate(base64Bytes(text));
  let offset = 0;
  return described.map(({ type, n, scale }) => {
    const size = Number(type[1]);
    const plain = joinPlanes(bytes.subarray(offset, offset + n * size), n, size);
    offset += n * size;
    return scaled(arrayOf(plain, type), scale);
  });
}

/** The bytes that a base64 text stands for. */
export function base64Bytes(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

/** Put the bytes of each value beside each other again: all first bytes stand first, then all second ones … */
export function joinPlanes(bytes, n, size) {
  const joined = new Uint8Array(n * size);
  for (let place = 0; place < size; place++) {
    for (let i = 0; i < n; i++) joined[i * size + place] = bytes[place * n + i];
  }
  return joined;
}

/** The number that 16 bits stand for (IEEE 754 binary16). */
export function halfValue(bits) {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function arrayOf(bytes, type) {
  if (type === "f8") return new Float64Array(bytes.buffer);
  if (type === "f4") return new Float32Array(bytes.buffer);
  halves ??= Float32Array.from({ length: HALVES }, (_, bits) => halfValue(bits));
  return Float32Array.from(new Uint16Array(bytes.buffer), (bits) => halves[bits]);
}

function scaled(array, scale) {
  if (scale !== 1) for (let i = 0; i < array.length; i++) array[i] *= scale;
  return array;
}
