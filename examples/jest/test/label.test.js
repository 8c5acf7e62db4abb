// SPDX-License-Identifier: MIT
'use strict';
const { label } = require('../src/label');
const { Shelf } = require('../src/shelf');

test('an empty shelf', () => {
  expect(label(new Shelf())).toBe('empty');
});

test('a full one', () => {
  const shelf = new Shelf();
  shelf.put('Emma', 474);
  shelf.put('Middlemarch', 880);
  expect(label(shelf)).toMatchInlineSnapshot(`"Emma to Middlemarch, 1354 pages"`);
});
