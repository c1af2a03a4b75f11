import type { FileLayer } from '../segments/file-layer.ts'
import { isUnreadable } from '../segments/readable-octets.ts'
import { readMetas } from './flush-record.ts'
import {
  bigValue,
  childOf,
  flag,
  headBytes,
  lowerAt,
  nodeBytes,
  noRoot,
  pageFlags,
  transactionAt,
  tree,
  trees,
  writtenBy,
  youngestMeta,
} from './page-layout.ts'

export interface LookUpPlace {
  readonly files: FileLayer
  readonly file: number
  readonly pageBytes: number
}

/**
 * A short value of the index's youngest state, read without LMDB, which ends the process on a page that is not what it
 * should be. Nobody may have the index open.
 * @returns undefined when the key is not there, or pages on the way to it are damaged
 */
export const lookUp = (place: LookUpPlace, key: Buffer): Buffer | undefined => {
  const meta = youngestMeta(readMetas(place.files, place.file, place.pageBytes))
  const youngest = meta.readBigUInt64LE(transactionAt)
  const root = meta.readBigUInt64LE(trees.main + tree.root)
  if (root === noRoot) return undefined
  try {
    let page = Number(root)
    for (let level = meta.readUInt16LE(trees.main + tree.depth); level > 1; level--)
      page = childIn(readPage(place, { page, kind: flag.branch, youngest }), key)
    return valueIn(readPage(place, { page, kind: flag.leaf, youngest }), key)
  } catch (error) {
    if (error instanceof DamagedPage || error instanceof RangeError || isUnreadable(error)) return undefined
    throw error
  }
}

class DamagedPage extends Error {}

const readPage = (
  { files, file, pageBytes }: LookUpPlace,
  { page, kind, youngest }: { readonly page: number; readonly kind: number; readonly youngest: bigint },
): Buffer => {
  const bytes = Buffer.alloc(pageBytes)
  const isWhole =
    files.readSync(file, bytes, page * pageBytes) === pageBytes &&
    Number(bytes.readBigUInt64LE(0)) === page &&
    bytes.readBigUInt64LE(writtenBy) <= youngest &&
    (bytes.readUInt16LE(pageFlags) & 0xff) === kind
  if (!isWhole) throw new DamagedPage(`page ${page}`)
  return bytes
}

function* nodesIn(bytes: Buffer): Generator<{ node: number; key: Buffer; keyEnd: number }> {
  const count = bytes.readUInt16LE(lowerAt) / 2
  for (let index = 0; index < count; index++) {
    const node = headBytes + bytes.readUInt16LE(headBytes + index * 2)
    const keyEnd = node + nodeBytes + bytes.readUInt16LE(node + 6)
    yield { node, key: bytes.subarray(node + nodeBytes, keyEnd), keyEnd }
  }
}

/** The last child that does not begin behind the key; the first one's key counts as the least. */
const childIn = (bytes: Buffer, key: Buffer): number => {
  let found: number | undefined
  for (const each of nodesIn(bytes)) {
    if (found !== undefined && Buffer.compare(each.key, key) > 0) break
    found = childOf(bytes, each.node)
  }
  if (found === undefined) throw new DamagedPage('a branch without children')
  return found
}

const valueIn = (bytes: Buffer, key: Buffer): Buffer | undefined => {
  for (const each of nodesIn(bytes)) {
    if (!each.key.equals(key)) continue
    const isShort = (bytes.readUInt16LE(each.node + 4) & bigValue) === 0
    return isShort ? bytes.subarray(each.keyEnd, each.keyEnd + bytes.readUInt32LE(each.node)) : undefined
  }
  return undefined
}
