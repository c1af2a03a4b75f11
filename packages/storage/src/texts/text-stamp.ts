import { type BigIntStats, fstatSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { bootId } from '../process-identity.ts'

/** Nobody can say. */
export const noStamp = 0

let boot: string | undefined

/**
 * What head and body look like to their writer after a write. As long as they look so to a reader, too, nobody else
 * wrote to them, and the machine has not been restarted: what was written is what is read.
 */
export const stampOf = (head: BigIntStats, body: BigIntStats): number => {
  boot ??= bootId()
  if (boot === 'unknown-boot') return noStamp
  const parts = [head, body].map(({ ino, size, mtimeNs }) => `${ino} ${size} ${mtimeNs}`)
  return crc32(`${boot} ${parts.join(' ')}`)
}

export const stampOfFiles = (head: number, body: number): number =>
  stampOf(fstatSync(head, { bigint: true }), fstatSync(body, { bigint: true }))
