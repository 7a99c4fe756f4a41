// Keep the keyboard inside a dialog while it is open, and give the focus back afterwards.

const FOCUSABLE = "a[href], button:not([disabled]), input:not([disabled]), textarea:not([disabled]), select, [tabindex='0']";

export const focusable = (node) => [...node.querySelectorAll(FOCUSABLE)].filter((one) => one.offsetParent !== null);

export function trapFocus(box, { first, escape }) {
  const before = document.activeElement;
  const keys = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      escape();
    } else if (event.key === "Tab") {
      cycle(event, focusable(box));
    }
  };
  box.addEventListener("keydown", keys);
  (first ?? focusable(box)[0])?.focus();
  return () => {
    box.removeEventListener("keydown", keys);
    if (before?.isConnected) before.focus();
  };
}

function cycle(event, nodes) {
  if (!nodes.length) return;
  const [first, last] = [nodes[0], nodes.at(-1)];
  if (event.shiftKey && document.activeElement === first) {
    event.preventDefault();
    last.focus();
  } else if (!event.shiftKey && document.activeElement === last) {
    event.preventDefault();
    first.focus();
  }
}
