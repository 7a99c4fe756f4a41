// The list of messages of one conversation: days, authors, threads, ephemerals, files.
import { renderBlocks } from "./blocks.js";
import { clockTime, dayKey, longDate, nearDay } from "./dates.js";
import { el, keyed } from "./dom.js";
import { picture } from "./elements.js";
import { emoji } from "./emoji.js";
import { botMark, icon } from "./icons.js";
import { mrkdwn } from "./mrkdwn.js";
import { avatar } from "./people.js";

const ms = (ts) => Math.round(Number(ts) * 1000);
export const messageKey = (channel, message) => `${channel}/${message.ts}${message.ephemeral ? "/only-you" : ""}`;

/** Bring `parent` in step with the conversation's messages. */
export function drawMessages(parent, channel, messages, ctx) {
  keyed(parent, rows(messages, ctx), {
    key: (row) => (row.day ? `day/${row.day}` : messageKey(channel, row.message)),
    print: (row) => JSON.stringify([row, ctx.me.id, ctx.me.tz, dayKey(ctx.now(), ctx.me.tz), agoMinute(row, ctx)]),
    render: (row) => (row.day ? divider(row, ctx) : message(row, channel, ctx)),
  });
}

const agoMinute = (row, ctx) => (JSON.stringify(row).includes("{ago}") ? Math.floor(ctx.now() / 60_000) : 0);

// Threads stand under their parent; a reply whose parent is not there stands by itself.
function rows(messages, ctx) {
  const sorted = [...messages].sort((a, b) => Number(a.ts) - Number(b.ts));
  const heads = new Set(sorted.filter((one) => !isReply(one)).map((one) => one.ts));
  const out = [];
  let before = null;
  for (const head of sorted) {
    if (isReply(head) && heads.has(head.thread_ts)) continue;
    const day = dayKey(ms(head.ts), ctx.me.tz);
    if (!before || dayKey(ms(before.ts), ctx.me.tz) !== day) out.push({ day, at: ms(head.ts) });
    const replies = sorted.filter((one) => isReply(one) && one.thread_ts === head.ts);
    out.push({ message: head, replies, follows: follows(before, head, day, ctx) });
    before = replies.length ? null : head;
    if (replies.length) before = { ...head, user: null };
  }
  return out;
}

const isReply = (message) => Boolean(message.thread_ts) && message.thread_ts !== message.ts;

function follows(before, message, day, ctx) {
  const bare = (one) => !one.ephemeral && !one.blocks?.length && !one.files?.length;
  return Boolean(before) && before.user === message.user && bare(before) && bare(message)
    && ms(message.ts) - ms(before.ts) < 300_000 && dayKey(ms(before.ts), ctx.me.tz) === day;
}

const divider = (row, ctx) => el("div", { class: "day", role: "separator" },
  el("span", {}, nearDay(row.at, ctx.me.tz, ctx.now()) ?? longDate(row.at, ctx.me.tz)));

function message(row, channel, ctx) {
  const { message: head } = row;
  const replies = row.replies.length
    ? el("div", { class: "thread", role: "group", "aria-label": "Thread" }, row.replies.map((reply) => single(reply, channel, ctx, false)))
    : null;
  return single(head, channel, ctx, row.follows, replies);
}

function single(message, channel, ctx, compact, replies = null) {
  const author = authorOf(message, ctx);
  const time = clockTime(ms(message.ts), ctx.me.tz);
  return el("article", {
    class: `message${compact ? " compact" : ""}${message.ephemeral ? " ephemeral" : ""}`,
    "aria-label": `${author.name}, ${time}`,
    data: {
      ts: message.ts, eventType: message.metadata?.event_type, ephemeral: message.ephemeral ? "1" : undefined,
      author: message.user, threadTs: message.thread_ts, key: message.metadata?.event_payload?.key,
    },
  },
  el("div", { class: "message-side" }, compact ? el("span", { class: "side-time" }, time) : author.face),
  el("div", { class: "message-main" },
    message.ephemeral ? el("div", { class: "only-you" }, icon("eye", 14), "Only visible to you") : null,
    compact ? null : el("div", { class: "message-head" }, el("span", { class: "author" }, author.name),
      author.app ? el("span", { class: "app-badge" }, "APP") : null, el("span", { class: "when" }, time)),
    body(message, channel, ctx),
    replies),
  el("button", {
    type: "button", class: "raw-button", "aria-label": "Show the message as JSON", title: "Show the message as JSON",
    on: { click: () => ctx.showRaw(message) },
  }, icon("code", 16)));
}

function authorOf(message, ctx) {
  const person = ctx.users.find((user) => user.id === message.user);
  if (person && person.role !== "bot") return { name: person.name, face: avatar(person, 36), app: false };
  if (message.user === "USLACKBOT") return { name: "Slackbot", face: el("span", { class: "avatar avatar-36 avatar-slackbot" }, "S"), app: false };
  return { name: "leasebot", face: botMark(36), app: true };
}

function body(message, channel, ctx) {
  const own = ctx.forMessage(channel, message);
  const edited = message.edited ? el("span", { class: "edited" }, " (edited)") : null;
  const content = message.blocks?.length
    ? [renderBlocks(message.blocks, own), edited]
    : el("div", { class: "text" }, mrkdwn(message.text ?? "", own), edited);
  return [content, files(message, own), reactions(message)];
}

function reactions(message) {
  const names = Object.entries(message.reactions ?? {}).filter(([, count]) => count > 0);
  if (!names.length) return null;
  return el("div", { class: "reactions" }, names.map(([name, count]) => el("span", { class: "reaction" }, emoji(name), ` ${count}`)));
}

function files(message, ctx) {
  if (!message.files?.length) return null;
  return message.files.map((file) => el("figure", { class: "figure file" },
    file.title ? el("figcaption", {}, file.title) : null, picture(file, ctx, "large")));
}
