import { createRequire } from 'node:module'
import { crc32 as ofZlib } from 'node:zlib'

type Crc32 = (octets: Uint8Array, former?: number) => number

/** Of fewer it makes no difference. */
const fewBytes = 512

/** undefined: nobody has needed it yet. */
let quick: Crc32 | 'none' | undefined

/**
 * CRC-32 of octets, as zlib's crc32. That of Node has no code for the processor's own multiplication (PCLMULQDQ, PMULL): npm
 * @node-rs/crc32, where it is installed for this system, takes a quarter of the time.
 * @param former of the octets before these
 */
export const crc32 = (octets: Uint8Array, former = 0): number => {
  if (octets.length < fewBytes) return ofZlib(octets, former)
  quick ??= load()
  return quick === 'none' ? ofZlib(octets, former) : quick(octets, former)
}

function load(): Crc32 | 'none' {
  try {
    return createRequire(import.meta.url)('@node-rs/crc32').crc32
  } catch {
    return 'none'
  }
}
