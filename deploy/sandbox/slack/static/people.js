// Faces: initials on the person's colour.
import { el } from "./dom.js";

export function avatar(user, size) {
  const initials = user.name.trim().split(/\s+/).slice(0, 2).map((word) => [...word][0]).join("").toUpperCase();
  return el("span", {
    class: `avatar avatar-${size}`, "aria-hidden": "true", css: user.avatar_color ? { "background-color": user.avatar_color } : {},
  }, initials || "?");
}
