/** Where LMDB's pages have what is looked at (little-endian, lmdb-js 3.5.6). */

/** Of each page. */
export const headBytes = 24
export const writtenBy = 8
export const pageFlags = 18
export const lowerAt = 20
export const upperAt = 22
export const pageCountAt = 20
export const flag = { branch: 1, leaf: 2, overflow: 4 } as const
/** Flags of a node whose value lies in pages of its own. */
export const bigValue = 1
export const nodeBytes = 8
/** A tree's numbers in a meta page, from the place of the tree on. */
export const tree = { depth: 6, branches: 8, leaves: 16, entries: 32, root: 40 } as const
export const trees = { free: 48, main: 96 } as const
export const lastPageAt = 144
export const transactionAt = 152
export const metaBytes = 160
export const noRoot = 0xffff_ffff_ffff_ffffn

/** Of the heads of both meta pages, one behind the other, the one of the younger state. */
export const youngestMeta = (heads: Buffer): Buffer => {
  const half = heads.length / 2
  const [first, second] = [heads.subarray(0, half), heads.subarray(half)]
  return first.readBigUInt64LE(transactionAt) >= second.readBigUInt64LE(transactionAt) ? first : second
}

/** The page that a node of a branch names. */
export const childOf = (bytes: Buffer, node: number): number =>
  bytes.readUInt32LE(node) + bytes.readUInt16LE(node + 4) * 2 ** 32
