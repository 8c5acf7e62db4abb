// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { format, parse } from '../src/duration';

test('nothing', () => {
  expect(format(0)).toBe('0s');
});

test('what was parsed', () => {
  for (const text of ['30s', '2m', '1h30m', '1h1s']) expect(format(parse(text))).toBe(text);
});
