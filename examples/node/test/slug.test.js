// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slug } from '../src/slug.js';

test('accents and punctuation go', () => {
  assert.equal(slug('Crème brûlée!'), 'creme-brulee');
});

test('spaces at the ends leave nothing', () => {
  assert.equal(slug('  a  b '), 'a-b');
});
