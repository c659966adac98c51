// One stop of Tab for many buttons: arrows, Home and End move among them, and where one was last Tab comes back to.

/**
 * Let the buttons of an element share one stop of Tab.
 *
 * @param {Element} holder of buttons, which may come and go
 * @param {{back: string, on: string}} keys that move
 * @returns {{update(): void}} to be called when buttons came, went, or were hidden
 */
export function shareTabStop(holder, keys) {
  let stop = null;
  const stops = () => [...holder.querySelectorAll("button")].filter((button) => !button.hidden);
  const show = (all) => {
    if (!all.includes(stop)) stop = all[0] ?? null;
    for (const button of all) button.tabIndex = button === stop ? 0 : -1;
  };
  holder.addEventListener("focusin", (event) => {
    const all = stops();
    if (all.includes(event.target)) stop = event.target;
    show(all);
  });
  holder.addEventListener("keydown", (event) => {
    const all = stops();
    const next = nextStop(event, all.indexOf(event.target), all.length, keys);
    if (next === null) return;
    all[next].focus();
    event.preventDefault();
    event.stopPropagation();
  });
  return { update: () => show(stops()) };
}

/** The place of the stop that a key leads to, of `count` from `at`; null where it leads nowhere. */
export function nextStop(event, at, count, { back, on }) {
  if (at < 0 || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return null;
  if (event.key === "Home") return 0;
  if (event.key === "End") return count - 1;
  const step = { [back]: -1, [on]: 1 }[event.key];
  return step ? (at + step + count) % count : null;
}

/** Say whether a button can do something now; one that cannot keeps the focus, unlike one that is disabled. */
export function setUsable(button, usable) {
  button.setAttribute("aria-disabled", String(!usable));
}

/** Whether a button can do something now. */
export function isUsable(button) {
  return button.getAttribute("aria-disabled") !== "true";
}
