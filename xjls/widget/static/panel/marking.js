// A field and a button that mark what happens now. The text goes with the press, in one message: a field of its own in
// Python may know it later than the button is known to be pressed, as its messages may wait for another thread.

import { element } from "../explorer/dom.js";

/** Make the form: `{form, allow(may)}`; `send` is given each message. */
export function makeMarking(send) {
  const text = element("input", { type: "text", className: "xjls-live-text", placeholder: "what happens now", "aria-label": "Text of the mark" });
  const press = element("button", { type: "submit", className: "xjls-live-button", title: "Write an annotation at the newest sample" }, "⚑ Mark now");
  const onsubmit = (event) => {
    event.preventDefault();
    if (!press.disabled) send({ type: "mark", text: text.value });
  };
  // Letters are no commands of the notebook
  const onkeydown = (event) => event.stopPropagation();
  const form = element("form", { className: "xjls-live-marking", "data-lm-suppress-shortcuts": "true", onsubmit, onkeydown }, text, press);
  const allow = (may) => {
    press.disabled = !may;
  };
  allow(false);
  return { form, allow };
}
