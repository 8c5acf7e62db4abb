// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { parse } from '../src/duration';

test.each([['30s', 30], ['2m', 120], ['1h30m', 5400]])('%s', (text, seconds) => {
  expect(parse(text)).toBe(seconds);
});

test('no duration', () => {
  expect(() => parse('soon')).toThrow(RangeError);
});
