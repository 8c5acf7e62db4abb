// SPDX-License-Identifier: MIT
'use strict';

// What is written on a shelf.
function label(shelf) {
  if (shelf.books.length === 0) return 'empty';
  return `${shelf.books[0].title} to ${shelf.books.at(-1).title}, ${shelf.pages} pages`;
}

module.exports = { label };
