// SPDX-License-Identifier: MIT
import { slug } from './slug.js';

/** Hands out slugs that nobody has yet. */
export class Registry {
  #taken = new Set();

  add(title) {
    const base = slug(title) || 'untitled';
    let name = base;
    for (let n = 2; this.#taken.has(name); n++) name = `${base}-${n}`;
    this.#taken.add(name);
    return name;
  }
}
