// Where one has looked before: back and forward, as in a browser of pages.

const MOST_VIEWS = 200;

/**
 * Remember views; those that follow each other quickly, as steps of a wheel do, count as one.
 *
 * @param {[number, number]} first view
 * @param {{now: function(): number, merge_ms?: number}} options `now` in ms
 * @returns {{push: function, back: function, forward: function, current, canBack: boolean, canForward: boolean}}
 *   `back` and `forward` return the view that is current then
 */
export function makeHistory(first, { now, merge_ms = 400 }) {
  let views = [first];
  let at = 0;
  let last = -Infinity;

  function push(view) {
    const moment = now();
    const merged = moment - last <= merge_ms;
    last = moment;
    if (sameView(view, views[at])) return;
    views = [...views.slice(0, merged ? at : at + 1), view].slice(-MOST_VIEWS);
    at = views.length - 1;
  }

  function go(by) {
    at = Math.min(Math.max(at + by, 0), views.length - 1);
    last = -Infinity; // what comes next is a step of its own
    return views[at];
  }

  return {
    push,
    back: () => go(-1),
    forward: () => go(1),
    get current() { return views[at]; },
    get canBack() { return at > 0; },
    get canForward() { return at < views.length - 1; },
  };
}

function sameView(a, b) {
  return a[0] === b[0] && a[1] === b[1];
}
