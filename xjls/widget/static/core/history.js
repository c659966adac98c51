// Where one has looked before: back and forward, as in a browser of pages. A place is a plain value.

const MOST_PLACES = 200;

/**
 * Remember places; those that follow each other quickly, as steps of a wheel do, count as one.
 *
 * @param {*} first place
 * @param {{now: function(): number, merge_ms?: number}} options `now` in ms
 * @returns {{push: function, back: function, forward: function, current, canBack: boolean, canForward: boolean}}
 *   `back` and `forward` return the place that is current then
 */
export function makeHistory(first, { now, merge_ms = 400 }) {
  let places = [first];
  let at = 0;
  let last = -Infinity;

  function push(place) {
    const moment = now();
    const merged = moment - last <= merge_ms;
    last = moment;
    if (samePlace(place, places[at])) return;
    places = [...places.slice(0, merged ? at : at + 1), place].slice(-MOST_PLACES);
    at = places.length - 1;
  }

  function go(by) {
    at = Math.min(Math.max(at + by, 0), places.length - 1);
    last = -Infinity; // what comes next is a step of its own
    return places[at];
  }

  return {
    push,
    back: () => go(-1),
    forward: () => go(1),
    get current() { return places[at]; },
    get canBack() { return at > 0; },
    get canForward() { return at < places.length - 1; },
  };
}

function samePlace(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}
