// SPDX-License-Identifier: MIT
const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600 };

/** "1h30m" in seconds. */
export function parse(text: string): number {
  if (!/^(\d+[smh])+$/.test(text)) throw new RangeError(`no duration: ${text}`);
  return [...text.matchAll(/(\d+)([smh])/g)].reduce((sum, [, n, unit]) => sum + Number(n) * UNITS[unit], 0);
}

/** Seconds as "1h30m". */
export function format(seconds: number): string {
  const parts = [[Math.floor(seconds / 3600), 'h'], [Math.floor((seconds % 3600) / 60), 'm'], [seconds % 60, 's']];
  return parts.filter(([n]) => n).map((part) => part.join('')).join('') || '0s';
}
