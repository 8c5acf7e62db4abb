// SPDX-License-Identifier: MIT
'use strict';

// Books on a shelf, sorted by title.
class Shelf {
  constructor() {
    this.books = [];
  }

  put(title, pages) {
    if (!title) throw new TypeError('a book has a title');
    this.books.push({ title, pages });
    this.books.sort((a, b) => a.title.localeCompare(b.title, 'en'));
  }

  get pages() {
    return this.books.reduce((sum, book) => sum + book.pages, 0);
  }
}

module.exports = { Shelf };
