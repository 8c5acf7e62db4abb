// SPDX-License-Identifier: MIT
'use strict';
const { Shelf } = require('../src/shelf');

describe('a shelf', () => {
  test('is empty at first', () => {
    expect(new Shelf().pages).toBe(0);
  });

  test('keeps books sorted', () => {
    const shelf = new Shelf();
    shelf.put('Middlemarch', 880);
    shelf.put('Emma', 474);
    expect(shelf.books.map((book) => book.title)).toEqual(['Emma', 'Middlemarch']);
  });

  test.each(['', undefined, null])('takes no book called %p', (title) => {
    expect(() => new Shelf().put(title, 1)).toThrow(TypeError);
  });
});
