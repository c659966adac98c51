// Icons as strokes on a grid of 16 × 16, so that no font is needed.

const ICONS = {
  zoomIn: "M7 3a4 4 0 1 0 0 8a4 4 0 1 0 0-8zM10 10l3.5 3.5M7 5.2v3.6M5.2 7h3.6",
  zoomOut: "M7 3a4 4 0 1 0 0 8a4 4 0 1 0 0-8zM10 10l3.5 3.5M5.2 7h3.6",
  all: "M2.5 3v10M13.5 3v10M4.5 8h7M6.5 6l-2 2l2 2M9.5 6l2 2l-2 2",
  back: "M6 4L2.8 7L6 10M3 7h6.2a3.3 3.3 0 0 1 0 6.6H7",
  forward: "M10 4l3.2 3L10 10M13 7H6.8a3.3 3.3 0 0 0 0 6.6H9",
  marker: "M5 14V2.5h7L10.2 5L12 7.5H5",
  range: "M3.5 2.5v11M12.5 2.5v11M5.5 8h5M7 6.5L5.5 8L7 9.5M9 6.5L10.500 8L9 9.5",
  box: "M2.5 5.500v-3h3M10.5 2.500h3v3M13.500 10.500v3h-3M5.500 13.500h-3v-3M5.5 5.500h5v5h-5z",
  note: "M3 2.500h10v8H8.500L5.500 13.500v-3H3zM5.500 5.200h5M5.500 7.700h3",
  chart: "M2.500 2.500v11h11M5 11V8M7.700 11V4.500M10.400 11V6.500M13 11V9.500",
  search: "M2 11h3.500V5H9v6h5M11 2.500L13.500 5L11 7.500",
  lanes: "M2.500 3h11v3.500h-11zM2.500 9.500h11V13h-11z",
  settings: "M2.500 4.500h6M11.500 4.500h2M8.500 3v3h3V3zM2.500 11.500h2M7.500 11.500h6M4.500 10v3h3v-3z",
  camera: "M2.5 5h2.6l1-1.5h3.800l1 1.5h2.6v8h-11zM8 6.700a2.200 2.200 0 1 0 0 4.400a2.200 2.200 0 1 0 0-4.400z",
  table: "M2.500 3h11v10h-11zM2.500 6.300h11M2.500 9.700h11M6.500 3v10",
  copy: "M5.500 5.500h8v8h-8zM3.500 10.500h-1v-8h8v1",
  page: "M8 2.500v7.500M5 7l3 3l3-3M2.500 11v2.500h11V11",
  save: "M3 3h8.500L13.500 5v8.500h-11V3zM5 3v3.500h5V3M5 13.500V9.500h6v4",
  follow: "M2.500 8h7.500M7 5l3 3l-3 3M13 3v10",
  help: "M5.500 6a2.500 2.500 0 1 1 3.600 2.200C8.300 8.600 8 9 8 10M8 12.300v.5",
  close: "M4 4l8 8M12 4l-8 8",
  left: "M10 3.500L5.500 8l4.500 4.500",
  right: "M6 3.500L10.500 8L6 12.500",
};

/** An icon as the text of an SVG element in the colour of the text around it. */
export function iconSvg(name) {
  const head = '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false" fill="none"';
  const stroke = 'stroke="currentColor" stroke-width="1.35" stroke-linecap="round" stroke-linejoin="round"';
  return `${head} ${stroke}><path d="${ICONS[name]}"/></svg>`;
}
