// A recording that still grows: asked again four times a second, its newest samples kept in view if one wants that.

import { askForView } from "./request.js";
import { limitsOf, placeAll, tileOfTrait } from "./state.js";
import { fitInto } from "../core/view.js";

const EVERY_MS = 250;

/** Ask again while the recording grows; returns what ends it. */
export function watchGrowth(state) {
  const look = () => {
    if (!state.facts.grows || document.hidden || state.gesture || state.exchange.pending > 0) return;
    askForView(state, true);
  };
  const timer = setInterval(look, EVERY_MS);
  return () => clearInterval(timer);
}

/** Take the extent that a recording has by now; the view follows its end where it was there. */
export function takeExtent(state, extent, grows) {
  const before = state.facts.extent;
  const grew = state.facts.grows;
  state.facts = { ...state.facts, extent, grows: grows ?? grew };
  if (extent[1] === before[1] && state.facts.grows === grew) return;
  if (state.settings.follow && (grew || state.facts.grows) && !state.gesture) followEnd(state, before, extent);
  state.change();
}

/** Take facts that Python changed: other extents, lanes, shifts, or texts. */
export function takeFacts(state, facts) {
  const { extent } = state.facts;
  state.facts = { ...facts, extent };
  takeExtent(state, newestExtent(extent, facts), facts.grows);
  state.overview = tileOfTrait(state.model.get("overview")) ?? state.overview;
  placeAll(state);
  askForView(state, true);
  state.change();
}

// The last tile may have told of more than facts that come once a second do.
function newestExtent(known, { extent, grows }) {
  return grows && known[1] > extent[1] ? known : extent;
}

// Who sees all goes on seeing all; who has gone back in time stays there.
function followEnd(state, before, extent) {
  const [x0, x1] = state.view;
  const length = x1 - x0;
  if (x1 < before[1] - 0.1 * length) return;
  const wholeBefore = x0 <= before[0] && x1 >= before[1];
  state.view = fitInto(wholeBefore ? extent : [extent[1] - length, extent[1]], limitsOf(state));
  state.writer.write("view", state.view);
}
