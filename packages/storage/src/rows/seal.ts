import { crc32 } from 'node:zlib'
import { StoreError } from '../contract.ts'

/**
 * Rows carry a checksum, so that a bit that flips in the index is seen where the row is read: LMDB has none.
 * Rows that were written before version 4 have none either, and are believed.
 */
export const damagedRow = (key: Buffer): StoreError =>
  new StoreError(
    'corrupt',
    `Cannot read row ${key.toString('hex', 0, Math.min(key.length, 24))} of the index: it is damaged, rebuild the store`,
  )

/** Never 0, which stands for "none". */
export const sealOf = (bytes: Buffer, seed: number): number => crc32(bytes, seed) || 1

/** For a seed: another one after each change of a single bit. `from` to `to` are whole words of 4 octets. */
export const foldWords = (bytes: Buffer, from: number, to: number): number => {
  let folded = 0
  for (let at = from; at < to; at += 4) {
    folded = ((folded << 5) | (folded >>> 27)) ^ bytes.readInt32BE(at)
  }
  return folded >>> 0
}

/** A number under a key, with a checksum of both. */
export const numberRow = (key: Buffer, number: number): Buffer => {
  const value = Buffer.allocUnsafe(8)
  value.writeUInt32BE(number)
  value.writeUInt32BE(crc32(key, number), 4)
  return value
}

/** Throws 'corrupt'. */
export const readNumberRow = (key: Buffer, value: Buffer): number => {
  if (value.length === 4) return value.readUInt32BE(0)
  if (value.length !== 8) throw damagedRow(key)
  const number = value.readUInt32BE(0)
  if (value.readUInt32BE(4) !== crc32(key, number)) throw damagedRow(key)
  return number
}
