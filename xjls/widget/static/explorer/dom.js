// Elements, and those things that open above the explorer: menus and dialogs.

import { iconSvg } from "./icons.js";
import { nextStop } from "./roving.js";

/** Make an element: properties, `on…` listeners, `data-`/`aria-`/role attributes, then children. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (/^(aria-|data-|role$|for$|tabindex$)/.test(key)) made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A button with an icon and a title that is its label, too. */
export function iconButton(icon, title, onclick, more = {}) {
  const properties = { type: "button", className: "xjls-button", title, "aria-label": title, onclick, ...more };
  const made = element("button", properties);
  made.innerHTML = iconSvg(icon);
  return made;
}

/** Open a menu below (or above) an anchor: items `{text, act, checked, disabled}`, elements, or "-" for a line. */
export function openMenu(state, anchor, label, items) {
  if (state.closePopup?.anchor === anchor) return void state.closePopup();
  const listed = items.filter(Boolean);
  const role = listed.some((item) => item instanceof Node) ? "dialog" : "menu"; // a menu has no fields
  const menu = element("div", { className: "xjls-menu", role, "aria-label": label });
  const close = openPopup(state, menu, anchor);
  menu.append(...listed.map((item) => menuItem(item, close, role)));
  placeAt(state.root, menu, anchor);
  menu.addEventListener("keydown", (event) => moveFocus(event, menu));
  menu.querySelector("button:not(:disabled), input, select")?.focus();
  return close;
}

/** Open a dialog in the middle; `title` is its label. Returns what closes it. */
export function openDialog(state, title, ...content) {
  const dialog = element("div", { className: "xjls-dialog", role: "dialog", "aria-label": title });
  const close = openPopup(state, dialog);
  const shut = iconButton("close", "Close", close);
  const head = element("div", { className: "xjls-dialog-head" }, element("h3", {}, title), shut);
  dialog.append(head, ...content);
  (dialog.querySelector("input, select") ?? dialog.querySelector("button")).focus();
  return close;
}

/** A line of a form: label and field. */
export function fieldRow(label, field) {
  return element("label", { className: "xjls-field" }, element("span", {}, label), field);
}

/** Choose one of `[value, text]` pairs. */
export function choice(options, value, onchange, label) {
  const made = element("select", { "aria-label": label, onchange: () => onchange(made.value) });
  made.append(...options.map(([key, text]) => element("option", { value: key }, text)));
  made.value = value;
  return made;
}

// A press on what opened it closes it by its click, which would else open it again.
function openPopup(state, popup, anchor = null) {
  state.closePopup?.();
  const before = document.activeElement;
  const outside = (event) => {
    const path = event.composedPath();
    if (!path.includes(popup) && !path.includes(anchor)) close();
  };
  const listen = (event) => {
    if (event.key === "Tab") return keepFocus(event, popup, close);
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  const close = () => {
    if (anchor instanceof Element) anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    const inside = popup.contains(document.activeElement);
    popup.remove();
    if (state.closePopup === close) state.closePopup = null;
    if (inside) (state.root.contains(before) ? before : state.root).focus({ preventScroll: true });
  };
  close.anchor = anchor ?? undefined;
  if (anchor instanceof Element) anchor.setAttribute("aria-expanded", "true");
  popup.addEventListener("keydown", listen);
  document.addEventListener("pointerdown", outside, true);
  state.root.append(popup);
  state.closePopup = close;
  return close;
}

// Tab leaves a menu, and goes round in a dialog.
function keepFocus(event, popup, close) {
  if (popup.getAttribute("role") === "menu") return close();
  const stops = focusStops(popup);
  const edge = event.shiftKey ? stops[0] : stops.at(-1);
  if (document.activeElement !== edge) return;
  (event.shiftKey ? stops.at(-1) : stops[0]).focus();
  event.preventDefault();
}

function focusStops(holder) {
  return [...holder.querySelectorAll("button:not(:disabled), input, select")];
}

function menuItem(item, close, holder) {
  if (item === "-") return element("hr");
  if (item instanceof Node) return item;
  const role = itemRole(item, holder);
  const act = () => {
    close();
    item.act();
  };
  const made = element("button", { type: "button", role, disabled: Boolean(item.disabled), onclick: act });
  if (item.checked !== undefined) made.setAttribute("aria-checked", String(item.checked));
  const mark = element("span", { className: "xjls-check", "aria-hidden": "true" }, item.checked ? "✓" : "");
  made.append(mark, element("span", {}, item.text), element("kbd", {}, item.key ?? ""));
  return made;
}

function itemRole({ checked }, holder) {
  if (holder === "dialog") return checked === undefined ? "button" : "checkbox";
  return checked === undefined ? "menuitem" : "menuitemcheckbox";
}

function moveFocus(event, menu) {
  if (event.target.matches("input, select")) return;
  const stops = focusStops(menu);
  const next = nextStop(event, stops.indexOf(document.activeElement), stops.length, { back: "ArrowUp", on: "ArrowDown" });
  if (next === null) return;
  stops[next].focus();
  event.preventDefault();
}

// Below what it belongs to, but inside of the explorer as far as that is high enough: outputs of notebooks are clipped.
function placeAt(root, menu, anchor) {
  const [outer, box] = [root.getBoundingClientRect(), anchor.getBoundingClientRect()];
  const left = Math.min(box.left - outer.left, outer.width - menu.offsetWidth - 4);
  const top = Math.min(box.bottom - outer.top + 2, outer.height - menu.offsetHeight - 4);
  menu.style.left = `${Math.max(2, left)}px`;
  menu.style.top = `${Math.max(2, top)}px`;
}
