// Instants in a person's time zone, and Slack's date tokens.

const formatters = new Map();

function formatter(zone, options) {
  const key = `${zone}|${JSON.stringify(options)}`;
  if (!formatters.has(key)) formatters.set(key, make(zone, options));
  return formatters.get(key);
}

function make(zone, options) {
  try {
    return new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });
  } catch {
    return new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });
  }
}

const part = (ms, zone, options) => formatter(zone, options).format(ms);

export const clockTime = (ms, zone) => part(ms, zone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const clockSeconds = (ms, zone) =>
  part(ms, zone, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
export const dayKey = (ms, zone) =>
  part(ms, zone, { year: "numeric", month: "2-digit", day: "2-digit" }).split("/").reverse().join("-");
const long = (ms, zone) => {
  const weekday = part(ms, zone, { weekday: "long" });
  return `${weekday}, ${dateOnly(ms, zone)}`;
};
const dateOnly = (ms, zone) => part(ms, zone, { day: "numeric", month: "long", year: "numeric" });
const short = (ms, zone) => part(ms, zone, { day: "numeric", month: "short", year: "numeric" });

export const longDate = long;

/** "Today", "Yesterday", "Tomorrow" or null. */
export function nearDay(ms, zone, now) {
  const day = dayKey(ms, zone);
  const names = { 0: "Today", "-1": "Yesterday", 1: "Tomorrow" };
  for (const [shift, name] of Object.entries(names)) {
    if (day === dayKey(now + Number(shift) * 86_400_000, zone)) return name;
  }
  return null;
}

/** Slack's `{ago}`: "3 minutes ago", "in 2 hours". */
export function ago(ms, now) {
  const seconds = Math.round((ms - now) / 1000);
  const units = [["day", 86_400], ["hour", 3600], ["minute", 60]];
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return seconds < 0 ? "just now" : "in a moment";
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });

/** Expand the tokens of a `<!date^…>` format for one reader; they stand inside sentences, so days near are small. */
export function expand(format, ms, zone, now) {
  return format.replace(/\{(\w+)\}/g, (whole, name) => {
    const text = token(name, ms, zone, now);
    if (text === null) return whole;
    return name.startsWith("date") ? lower(text) : text;
  });
}

const lower = (text) => (/^(Today|Yesterday|Tomorrow)$/.test(text) ? text.toLowerCase() : text);

function token(name, ms, zone, now) {
  switch (name) {
    case "date_num": return dayKey(ms, zone);
    case "date": return dateOnly(ms, zone);
    case "date_short": return short(ms, zone);
    case "date_long": return long(ms, zone);
    case "date_pretty": return nearDay(ms, zone, now) ?? dateOnly(ms, zone);
    case "date_short_pretty": return nearDay(ms, zone, now) ?? short(ms, zone);
    case "date_long_pretty": return nearDay(ms, zone, now) ?? long(ms, zone);
    case "time": return clockTime(ms, zone);
    case "time_secs": return clockSeconds(ms, zone);
    case "ago": return ago(ms, now);
    case "day_divider_pretty": return nearDay(ms, zone, now) ?? long(ms, zone);
    default: return null;
  }
}

/** Milliseconds as "2 h 05 min", "12 min 03 s", "8 s". */
export function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const [d, h, m] = [Math.floor(s / 86_400), Math.floor((s % 86_400) / 3600), Math.floor((s % 3600) / 60)];
  const two = (n) => String(n).padStart(2, "0");
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${two(m)} min`;
  if (m) return `${m} min ${two(s % 60)} s`;
  return `${s} s`;
}

/** Unix seconds of a wall time ("2026-11-25T18:00") in a zone; a time that does not exist moves past the gap. */
export function wallToUnix(wall, zone) {
  const asUtc = Date.parse(`${wall}:00Z`);
  let ms = asUtc - offset(asUtc, zone);
  ms = asUtc - offset(ms, zone);
  return Math.floor(ms / 1000);
}

/** Wall time for a datetime-local field. */
export const unixToWall = (seconds, zone) =>
  `${dayKey(seconds * 1000, zone)}T${clockTime(seconds * 1000, zone)}`;

function offset(ms, zone) {
  const wall = Date.parse(`${dayKey(ms, zone)}T${clockSeconds(ms, zone)}Z`);
  return wall - Math.floor(ms / 1000) * 1000;
}
