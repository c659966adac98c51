// Colours: of the page where it says them (--jp-*), else our own; the hues of quantities hold for colour-blind eyes.

const LIGHT = {
  dark: false,
  background: "#ffffff",
  raised: "#ffffff",
  text: "#1f2328",
  dim: "#5c6670",
  frame: "#b9c0c8",
  grid: "rgba(60, 70, 85, 0.13)",
  accent: "#1769aa",
  shade: "rgba(31, 45, 61, 0.09)",
  gap: "rgba(110, 118, 128, 0.55)",
  gapBack: "rgba(128, 136, 146, 0.14)",
  part: "rgba(110, 118, 128, 0.22)",
  damage: "rgba(201, 48, 92, 0.60)",
  damageBack: "rgba(214, 64, 110, 0.14)",
  hues: ["#0a67b0", "#0b8457", "#c75f00", "#8a4fb0", "#1a8f9e", "#b33a3a", "#7a6a00", "#6b6f76"],
  tracks: ["", "#d1495b", "#5b5bd6", "#8c6d1f", "#1a8f9e", "#a0408a"],
  markers: ["#b35c00", "#1a7f8f", "#a23b8f", "#4f7a1f", "#3b5bb5", "#b03a2e"],
  band: 0x58,
  spread: 0x9c,
};

const DARK = {
  dark: true,
  background: "#15181c",
  raised: "#20252b",
  text: "#e8ebee",
  dim: "#a3acb6",
  frame: "#4a525c",
  grid: "rgba(220, 228, 240, 0.13)",
  accent: "#6db7f2",
  shade: "rgba(225, 235, 250, 0.12)",
  gap: "rgba(160, 168, 180, 0.55)",
  gapBack: "rgba(150, 160, 172, 0.16)",
  part: "rgba(160, 168, 180, 0.24)",
  damage: "rgba(255, 110, 150, 0.65)",
  damageBack: "rgba(255, 100, 145, 0.15)",
  hues: ["#62b5f5", "#45cf98", "#ffa24a", "#c79bf2", "#4fd0dd", "#ff8a80", "#d9c74a", "#b4bac2"],
  tracks: ["", "#ff8fa0", "#a9a9ff", "#e0c060", "#4fd0dd", "#f0a0e0"],
  markers: ["#ffab45", "#4fd0dd", "#ef92e0", "#a5d860", "#93b2ff", "#ff8f80"],
  band: 0x4a,
  spread: 0xa2,
};

const QUANTITIES = { A: 0, V: 1, W: 2 };
const FROM_PAGE = {
  background: "--jp-layout-color0",
  raised: "--jp-layout-color1",
  text: "--jp-ui-font-color1",
  dim: "--jp-ui-font-color2",
  frame: "--jp-border-color1",
};

/** Colours for an element: of its page if `choice` is "auto", else our own light or dark ones. */
export function themeOf(element, choice = "auto") {
  if (choice !== "auto") return { ...(choice === "dark" ? DARK : LIGHT), font: fontOf(element) };
  const computed = getComputedStyle(element);
  const own = luminance(pageBackground(element)) < 0.4 ? DARK : LIGHT;
  const colors = { ...own, font: fontOf(element) };
  for (const [name, variable] of Object.entries(FROM_PAGE)) {
    const value = computed.getPropertyValue(variable).trim();
    if (value) colors[name] = value;
  }
  return colors;
}

/** Put the colours where the style sheet finds them. */
export function applyTheme(element, theme) {
  element.dataset.theme = theme.dark ? "dark" : "light";
  for (const name of ["background", "raised", "text", "dim", "frame", "accent", "shade"]) {
    element.style.setProperty(`--xjls-${name}`, theme[name]);
  }
  element.style.setProperty("color-scheme", theme.dark ? "dark" : "light");
}

/** Call `changed` when the page turns dark or light; returns what ends it. */
export function watchTheme(changed) {
  const observer = new MutationObserver(changed);
  const attributeFilter = ["class", "style", "data-jp-theme-light", "data-jp-theme-name"];
  const options = { attributes: true, attributeFilter };
  observer.observe(document.body, options);
  observer.observe(document.documentElement, options);
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", changed);
  };
}

/** The hue of each lane, by its quantity; others take turns, each another one. */
export function laneHues(lanes, theme) {
  const hues = new Map();
  let next = Object.keys(QUANTITIES).length;
  for (const lane of lanes) {
    const known = lane.shape === "analog" ? QUANTITIES[lane.units] : undefined;
    hues.set(lane.key, theme.hues[known ?? next++ % theme.hues.length]);
  }
  return hues;
}

/** The hue of a track: the lane's for the first, others for those laid over it. */
export function trackHue(hues, theme, lane, place) {
  return place === 0 ? hues.get(lane.key) : theme.tracks[1 + ((place - 1) % (theme.tracks.length - 1))];
}

/** What the blitter needs of a hue "#rrggbb": `{band, spread, line}` as 0xAABBGGRR. */
export function blitColors(hue, theme) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hue.slice(at, at + 2), 16));
  const packed = (alpha) => ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
  return { band: packed(theme.band), spread: packed(theme.spread), line: packed(0xff) };
}

/** A hue "#rrggbb" with an alpha of 0 … 1. */
export function faded(hue, alpha) {
  return `${hue}${Math.round(alpha * 255).toString(16).padStart(2, "0")}`;
}

function fontOf(element) {
  return getComputedStyle(element).fontFamily || "system-ui, sans-serif";
}

function pageBackground(element) {
  for (let at = element.parentElement; at; at = at.parentElement) {
    const color = channels(getComputedStyle(at).backgroundColor);
    if (color && color[3] > 0.5) return color;
  }
  return [255, 255, 255, 1];
}

function channels(text) {
  const numbers = text.match(/[\d.]+/g)?.map(Number);
  return numbers && numbers.length >= 3 ? [numbers[0], numbers[1], numbers[2], numbers[3] ?? 1] : null;
}

// Rec. 709 weights on the encoded values: enough to tell a dark page from a light one.
function luminance([r, g, b]) {
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}
