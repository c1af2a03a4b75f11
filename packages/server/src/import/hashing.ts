import { createHash } from 'node:crypto'

/** SHA-256 of a message's octets, hex. */
export const hashOctets = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex')

/** One hash for all messages of a mailbox, whatever their order. */
export const hashOfAll = (hashes: readonly string[]): string =>
  createHash('sha256')
    .update([...hashes].sort().join('\n'))
    .digest('hex')
    .slice(0, 16)
