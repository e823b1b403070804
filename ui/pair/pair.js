// The component runs again whenever data or theme change; what the person did lives on the node and stays.
const MODES = [["slider", "Slider"], ["side", "Side by side"], ["difference", "Difference"], ["flicker", "Flicker"]];
const MOST = 12; // times enlarged
const FLICKER_MS = 650;
const limit = (value, low, high) => Math.min(high, Math.max(low, value));

export default function ({ data, parentElement }) {
  const find = (selector) => parentElement.querySelector(selector);
  const root = find(".pair"), view = find(".view"), bar = find(".bar"), handle = find(".handle");
  const first = find(".first"), second = find(".second");
  const state = (root._state ??= { mode: "slider", divider: 0.5, zoom: 1, x: 0, y: 0, flipped: false });

  const show = (pane, url, label) => { pane.firstElementChild.src = url; pane.firstElementChild.alt = label; };
  show(first, data.left, data.leftLabel);
  show(second, data.right, data.rightLabel);
  find(".tag.left").textContent = data.leftLabel;
  find(".tag.right").textContent = data.rightLabel;
  find(".tag.mark").textContent = data.mark;
  view.setAttribute(
    "aria-label",
    `${data.leftLabel} against ${data.rightLabel}. Arrow keys move the divider, plus and minus zoom, space flickers.`,
  );

  const button = (text, act, mode) => {
    const node = document.createElement("button");
    Object.assign(node, { type: "button", textContent: text, onclick: () => { act(); draw(); } });
    if (mode) node.dataset.mode = mode;
    return node;
  };
  bar.replaceChildren(
    ...MODES.map(([mode, text]) => button(text, () => { state.mode = mode; }, mode)),
    button("Fit", fit), button("2×", () => zoomBy(2 / state.zoom)), button("4×", () => zoomBy(4 / state.zoom)),
    Object.assign(document.createElement("span"), { className: "zoom" }),
  );

  function pane() { return (state.mode === "side" ? first : view).getBoundingClientRect(); }
  function fit() { Object.assign(state, { zoom: 1, x: 0, y: 0 }); }
  function zoomBy(factor, x = pane().width / 2, y = pane().height / 2) {
    const zoom = limit(state.zoom * factor, 1, MOST), real = zoom / state.zoom;
    Object.assign(state, { x: x - (x - state.x) * real, y: y - (y - state.y) * real, zoom });
  }
  function draw() {
    const box = pane();
    state.x = limit(state.x, box.width * (1 - state.zoom), 0);
    state.y = limit(state.y, box.height * (1 - state.zoom), 0);
    for (const mode of ["side", "difference"]) view.classList.toggle(mode, state.mode === mode);
    for (const node of bar.querySelectorAll("[data-mode]")) node.ariaPressed = String(node.dataset.mode === state.mode);
    const move = `translate(${state.x}px, ${state.y}px) scale(${state.zoom})`;
    first.firstElementChild.style.transform = second.firstElementChild.style.transform = move;
    const sliding = state.mode === "slider";
    second.style.clipPath = sliding ? `inset(0 0 0 ${state.divider * 100}%)` : "none";
    second.style.visibility = state.mode === "flicker" && !state.flipped ? "hidden" : "visible";
    handle.style.display = sliding ? "block" : "none";
    handle.style.left = `calc(${state.divider * 100}% - 1px)`;
    bar.querySelector(".zoom").textContent = `${Math.round(state.zoom * 100)} %`;
  }

  view.onwheel = (event) => {
    event.preventDefault();
    const box = (event.target.closest(".pane") ?? view).getBoundingClientRect();
    zoomBy(Math.exp(-event.deltaY * 0.0016), event.clientX - box.left, event.clientY - box.top);
    draw();
  };
  let held = null;
  view.onpointerdown = (event) => {
    view.setPointerCapture(event.pointerId);
    const box = view.getBoundingClientRect();
    const near = Math.abs((event.clientX - box.left) / box.width - state.divider) < 0.08;
    held = { x: event.clientX, y: event.clientY, divides: state.mode === "slider" && (near || state.zoom === 1) };
  };
  view.onpointermove = (event) => {
    if (!held) return;
    const box = view.getBoundingClientRect();
    if (held.divides) state.divider = limit((event.clientX - box.left) / box.width, 0, 1);
    else Object.assign(state, { x: state.x + event.clientX - held.x, y: state.y + event.clientY - held.y });
    Object.assign(held, { x: event.clientX, y: event.clientY });
    draw();
  };
  view.onpointerup = view.onpointercancel = () => { held = null; };
  view.onkeydown = (event) => {
    const act = {
      ArrowLeft: () => { state.divider = limit(state.divider - 0.02, 0, 1); },
      ArrowRight: () => { state.divider = limit(state.divider + 0.02, 0, 1); },
      "+": () => zoomBy(1.25), "=": () => zoomBy(1.25), "-": () => zoomBy(0.8), 0: fit,
      " ": () => { state.mode = "flicker"; state.flipped = !state.flipped; },
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
    draw();
  };
  clearInterval(root._flicker);
  root._flicker = setInterval(() => {
    if (state.mode === "flicker") { state.flipped = !state.flipped; draw(); }
  }, FLICKER_MS);
  draw();
  return () => clearInterval(root._flicker);
}
