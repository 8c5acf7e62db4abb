// SPDX-License-Identifier: MIT
/** 'Crème brûlée!' -> 'creme-brulee' */
export function slug(title) {
  return title
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
