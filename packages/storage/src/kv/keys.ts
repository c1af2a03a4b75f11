/**
 * Keys: one octet for the table, then big-endian numbers and texts, so that the order of keys is the
 * order of numbers. Every number in a key has a fixed width; at most one text, and it is last.
 */
export const tables = {
  meta: 0x01,
  account: 0x10,
  accountByAddress: 0x11,
  usage: 0x12,
  group: 0x13,
  membership: 0x14,
  mailbox: 0x20,
  mailboxByName: 0x21,
  mailboxState: 0x22,
  keywords: 0x23,
  subscription: 0x24,
  acl: 0x25,
  sharedWith: 0x26,
  annotation: 0x27,
  unfinished: 0x28,
  specialUse: 0x29,
  removedAccount: 0x2a,
  uniqueId: 0x2b,
  identifier: 0x2c,
  namesVersion: 0x2d,
  renaming: 0x2e,
  chunk: 0x30,
  expunged: 0x31,
  message: 0x32,
  blob: 0x33,
  conversation: 0x34,
  queueEntry: 0x40,
  queueRecipient: 0x41,
  queueArrival: 0x42,
  queueDue: 0x43,
  queueHop: 0x44,
  queueHopOrder: 0x45,
  queueLease: 0x46,
  queueWork: 0x47,
  greylist: 0x50,
  greylistNetwork: 0x51,
  segment: 0x60,
  /** Further parts of values too long for one row. */
  part: 0x7f,
} as const

export type TableTag = (typeof tables)[keyof typeof tables]

/** A strictly greater key than every key with this prefix. */
export const keyAfter = (prefix: Buffer): Buffer => {
  const end = Buffer.from(prefix)
  for (let at = end.length - 1; at >= 0; at--) {
    if (end[at] !== 0xff) {
      end[at] = (end[at] as number) + 1
      return end.subarray(0, at + 1)
    }
  }
  return Buffer.alloc(prefix.length + 1, 0xff)
}

export const keyOfTable = (tag: TableTag): Buffer => Buffer.from([tag])

export const keyOf32 = (tag: TableTag, number: number): Buffer => {
  const key = Buffer.allocUnsafe(5)
  key[0] = tag
  key.writeUInt32BE(number, 1)
  return key
}

export const keyOf32x2 = (tag: TableTag, first: number, second: number): Buffer => {
  const key = Buffer.allocUnsafe(9)
  key[0] = tag
  key.writeUInt32BE(first, 1)
  key.writeUInt32BE(second, 5)
  return key
}

/** Numbers up to 2^53-1. */
export const keyOf64 = (tag: TableTag, number: number): Buffer => {
  const key = Buffer.allocUnsafe(9)
  key[0] = tag
  write64(key, number, 1)
  return key
}

export const keyOf32and64 = (tag: TableTag, first: number, second: number, third: number): Buffer => {
  const key = Buffer.allocUnsafe(15)
  key[0] = tag
  key.writeUInt32BE(first, 1)
  write64(key, second, 5)
  key.writeUInt16BE(third, 13)
  return key
}

export const keyOfText = (tag: TableTag, text: string): Buffer => {
  const length = Buffer.byteLength(text)
  const key = Buffer.allocUnsafe(1 + length)
  key[0] = tag
  key.write(text, 1)
  return key
}

export const keyOf32andText = (tag: TableTag, number: number, text: string): Buffer => {
  const key = Buffer.allocUnsafe(5 + Buffer.byteLength(text))
  key[0] = tag
  key.writeUInt32BE(number, 1)
  key.write(text, 5)
  return key
}

export const keyOf32x2andText = (tag: TableTag, first: number, second: number, text: string): Buffer =>
  Buffer.concat([keyOf32x2(tag, first, second), Buffer.from(text)])

export const keyOf64andText = (tag: TableTag, number: number, text: string): Buffer => {
  const key = Buffer.allocUnsafe(9 + Buffer.byteLength(text))
  key[0] = tag
  write64(key, number, 1)
  key.write(text, 9)
  return key
}

export const write64 = (target: Buffer, number: number, at: number): void => {
  target.writeUInt32BE(Math.floor(number / 0x1_0000_0000), at)
  target.writeUInt32BE(number % 0x1_0000_0000, at + 4)
}

export const read64 = (source: Buffer, at: number): number =>
  source.readUInt32BE(at) * 0x1_0000_0000 + source.readUInt32BE(at + 4)
