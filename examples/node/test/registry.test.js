// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from '../src/registry.js';

test('a second of the same name gets a number', () => {
  const registry = new Registry();
  assert.deepEqual(['A b', 'a-b', '?'].map((t) => registry.add(t)), ['a-b', 'a-b-2', 'untitled']);
});
