// Slack's mrkdwn -> DOM nodes. Everything that is not understood stays text.
import { safeLink } from "./api.js";
import { clockSeconds, expand, longDate } from "./dates.js";
import { append, el } from "./dom.js";
import { emoji, isEmoji, withEmoji } from "./emoji.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
export const decode = (text) => text.replace(/&(amp|lt|gt);/g, (entity) => ENTITIES[entity]);

/** Render a mrkdwn string. `ctx`: users, channels, me, now(). `verbatim` switches automatic links off. */
export function mrkdwn(text, ctx, { verbatim = false } = {}) {
  const nodes = [];
  const pieces = text.split(/```\n?([\s\S]*?)\n?```/g);
  pieces.forEach((piece, at) => {
    if (at % 2) nodes.push(el("pre", { class: "code-block" }, codeText(piece)));
    else if (piece) nodes.push(...lines(trimAround(piece, at, pieces.length), ctx, verbatim));
  });
  return nodes;
}

// A line break next to a code block or a quote is the block's own; showing it too would leave an empty line.
function trimAround(piece, at, count) {
  let text = piece;
  if (at > 0) text = text.replace(/^\n/, "");
  if (at < count - 1) text = text.replace(/\n$/, "");
  return text;
}

function lines(text, ctx, verbatim) {
  const nodes = [];
  let plain = [];
  let quoted = [];
  const endPlain = () => { if (plain.length) nodes.push(el("span", { class: "run" }, inline(plain.join("\n"), ctx, verbatim))); plain = []; };
  const endQuote = () => { if (quoted.length) nodes.push(el("blockquote", {}, inline(quoted.join("\n"), ctx, verbatim))); quoted = []; };
  const all = text.split("\n");
  for (let at = 0; at < all.length; at += 1) {
    const rest = all[at].match(/^(?:>>>|&gt;&gt;&gt;) ?(.*)$/);
    const one = all[at].match(/^(?:>|&gt;) ?(.*)$/);
    if (rest) {
      endPlain();
      quoted.push(rest[1], ...all.slice(at + 1));
      break;
    }
    if (one) { endPlain(); quoted.push(one[1]); } else { endQuote(); plain.push(all[at]); }
  }
  endPlain();
  endQuote();
  return nodes;
}

const STYLES = { "*": "strong", _: "em", "~": "s" };
const WORD = /[\p{L}\p{N}]/u;

/** Inline marks of one stretch of text. */
function inline(text, ctx, verbatim) {
  const out = [];
  let run = "";
  const flush = () => { if (run) out.push(...words(decode(run), verbatim)); run = ""; };
  let at = 0;
  while (at < text.length) {
    const found = special(text, at, ctx, verbatim);
    if (found) {
      flush();
      out.push(found.node);
      at = found.end;
    } else {
      run += text[at];
      at += 1;
    }
  }
  flush();
  return out;
}

function special(text, at, ctx, verbatim) {
  const c = text[at];
  if (c === "<") return angled(text, at, ctx);
  if (c === "`") return code(text, at);
  if (c === ":") return shortcode(text, at);
  if (STYLES[c]) return styled(text, at, ctx, verbatim);
  return null;
}

function code(text, at) {
  const end = text.indexOf("`", at + 1);
  if (end < 0 || end === at + 1 || text.slice(at, end).includes("\n")) return null;
  return { node: el("code", {}, codeText(text.slice(at + 1, end))), end: end + 1 };
}

const codeText = (text) =>
  decode(text.replace(/<((?:https?:\/\/|mailto:)[^<>|\n]+)(?:\|([^<>\n]*))?>/g, (_all, target, label) => label || target));

function shortcode(text, at) {
  const found = /^:([a-z0-9_+'-]+):(?::skin-tone-\d:)?/.exec(text.slice(at, at + 60));
  return found && isEmoji(found[1]) ? { node: emoji(found[1]), end: at + found[0].length } : null;
}

function styled(text, at, ctx, verbatim) {
  const mark = text[at];
  if (at > 0 && (WORD.test(text[at - 1]) || text[at - 1] === mark)) return null;
  if (!text[at + 1] || /\s/.test(text[at + 1]) || text[at + 1] === mark) return null;
  const end = closing(text, at, mark);
  if (end < 0) return null;
  return { node: el(STYLES[mark], {}, inline(text.slice(at + 1, end), ctx, verbatim)), end: end + 1 };
}

// The closing mark on the same line, outside of code and <…>.
function closing(text, at, mark) {
  for (let i = at + 1; i < text.length && text[i] !== "\n"; i += 1) {
    if (text[i] === "<" || text[i] === "`") {
      const skip = text.indexOf(text[i] === "<" ? ">" : "`", i + 1);
      if (skip > 0) i = skip;
    } else if (text[i] === mark && !/\s/.test(text[i - 1]) && !(text[i + 1] && WORD.test(text[i + 1]))) {
      return i;
    }
  }
  return -1;
}

function angled(text, at, ctx) {
  const found = /^<([^<>\n]+)>/.exec(text.slice(at));
  if (!found) return null;
  const [target, ...rest] = found[1].split("|");
  const node = reference(decode(target), rest.length ? decode(rest.join("|")) : null, ctx);
  return node ? { node, end: at + found[0].length } : null;
}

function reference(target, label, ctx) {
  if (target.startsWith("@")) return userMention(target.slice(1), ctx, label);
  if (target.startsWith("#")) return channelMention(target.slice(1), ctx, label);
  if (target.startsWith("!date^")) return dateFromToken(target.slice(6), label, ctx);
  if (target.startsWith("!subteam^")) return mention(label || "@group");
  if (target.startsWith("!")) return mention(`@${target.slice(1)}`, true);
  return link(target, label);
}

const mention = (text, loud = false) => el("span", { class: loud ? "mention mention-loud" : "mention" }, text);

export function userMention(id, ctx, label = null) {
  const person = ctx.users.find((user) => user.id === id);
  const mine = ctx.me?.id === id;
  return el("span", { class: mine ? "mention mention-me" : "mention", data: { mention: id } },
    `@${person?.name ?? label ?? (id === ctx.botId ? "leasebot" : id)}`);
}

export function channelMention(id, ctx, label = null) {
  const channel = ctx.channels.find((one) => one.id === id);
  return el("span", { class: "mention" }, `#${label || channel?.name || id}`);
}

/** A link, or null where the address is not one to follow. */
export function link(target, label) {
  const href = safeLink(target);
  if (!href) return null;
  return el("a", { href, target: "_blank", rel: "noopener noreferrer" }, withEmoji(label || target.replace(/^mailto:/, "")));
}

function dateFromToken(token, fallback, ctx) {
  const [seconds, format, address] = token.split("^");
  const node = date(Number(seconds), format ?? "", fallback ?? "", ctx);
  const anchor = address ? link(address, "") : null;
  if (!anchor) return node;
  anchor.replaceChildren(node);
  return anchor;
}

/** A date in the reader's zone; the fallback is what shows where the token cannot be read. */
export function date(seconds, format, fallback, ctx) {
  const ms = seconds * 1000;
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15 || !format) return document.createTextNode(fallback);
  const zone = ctx.me?.tz ?? "UTC";
  return el("time", {
    class: "date", datetime: new Date(ms).toISOString(), title: `${longDate(ms, zone)} ${clockSeconds(ms, zone)} (${zone})`,
  }, expand(format, ms, zone, ctx.now()));
}

function words(text, verbatim) {
  if (verbatim) return withEmoji(text);
  return text.split(/(https?:\/\/[^\s<>]*[^\s<>.,;:!?)\]}'"])/g).flatMap((piece, at) => {
    if (at % 2 === 0) return withEmoji(piece);
    return [link(piece, null) ?? piece];
  });
}

/** Any text object (or a bare string, taken as plain text). */
export function textObject(object, ctx) {
  if (typeof object === "string") return withEmoji(object);
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text ?? "", ctx, { verbatim: object.verbatim === true });
  return plainLines(object);
}

function plainLines(object) {
  const parts = (object.text ?? "").split(/:([a-z0-9_+-]+):/g);
  const nodes = object.emoji === false
    ? withEmoji(object.text ?? "")
    : parts.flatMap((piece, at) => (at % 2 ? [emoji(piece)] : withEmoji(piece)));
  return nodes;
}

export const paragraph = (object, ctx, className = "text") => append(el("div", { class: className }), textObject(object, ctx));
