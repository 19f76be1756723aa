// How numbers and durations are written.

const grouped = new Intl.NumberFormat("en-GB");
const UNITS = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

/** All digits, in groups: 412,300. */
export const whole = (number) => grouped.format(number);

/** Three digits: 412k. Below a thousand all of it. Cut, not rounded: what is not full never looks so. */
export function short(number) {
  const [size, name] = UNITS.find(([size]) => number >= size) ?? [1, ""];
  if (size === 1) return String(number);
  const scaled = number / size;
  const digits = scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  const cut = Math.floor(scaled * 10 ** digits) / 10 ** digits;
  return `${cut}${name}`;
}

/** A share as percent; above 99 and below 100 it is 99. */
export function percent(share) {
  if (share === null) return "–";
  const points = share * 100;
  return `${points >= 1 || points === 0 ? Math.floor(points) : "<1"} %`;
}

/** 4.2 s, 3 min, 5 h 12 min, 2 d 4 h. */
export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** 1 lease, 2 leases. */
export const count = (number, one, many = `${one}s`) => `${whole(number)} ${number === 1 ? one : many}`;

/** The time of day of an RFC 3339 instant, UTC. */
export const timeOfDay = (instant) => instant.slice(11, 16);
