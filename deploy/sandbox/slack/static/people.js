// Faces: initials on the person's colour.
import { el } from "./dom.js";

export function avatar(user, size) {
  const initials = (user.name.match(/(?<![\p{L}\p{N}(])[\p{L}\p{N}]/gu) ?? []).slice(0, 2).join("").toUpperCase();
  return el("span", {
    class: `avatar avatar-${size}`, "aria-hidden": "true", css: user.avatar_color ? { "background-color": user.avatar_color } : {},
  }, initials || "?");
}
