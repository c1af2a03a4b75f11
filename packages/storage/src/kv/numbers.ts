// Node's own readers test their arguments again for every number: three times the cost of a whole scan.

export const unsigned16 = (bytes: Uint8Array, from: number): number =>
  ((bytes[from] as number) << 8) | (bytes[from + 1] as number)

const signed32 = (bytes: Uint8Array, from: number): number =>
  ((bytes[from] as number) << 24) |
  ((bytes[from + 1] as number) << 16) |
  ((bytes[from + 2] as number) << 8) |
  (bytes[from + 3] as number)

export const unsigned32 = (bytes: Uint8Array, from: number): number => signed32(bytes, from) >>> 0

export const unsigned48 = (bytes: Uint8Array, from: number): number =>
  unsigned16(bytes, from) * 0x1_0000_0000 + unsigned32(bytes, from + 2)

export const signed48 = (bytes: Uint8Array, from: number): number =>
  ((unsigned16(bytes, from) << 16) >> 16) * 0x1_0000_0000 + unsigned32(bytes, from + 2)

/** Numbers up to 2^53-1. */
export const unsigned64 = (bytes: Uint8Array, from: number): number =>
  unsigned32(bytes, from) * 0x1_0000_0000 + unsigned32(bytes, from + 4)

/** The lower 16 bits. */
export const write16 = (bytes: Uint8Array, number: number, from: number): void => {
  bytes[from] = number >>> 8
  bytes[from + 1] = number
}

/** The lower 32 bits. */
export const write32 = (bytes: Uint8Array, number: number, from: number): void => {
  bytes[from] = number >>> 24
  bytes[from + 1] = number >>> 16
  bytes[from + 2] = number >>> 8
  bytes[from + 3] = number
}

/** Whole numbers from -2^47 to 2^48-1. */
export const write48 = (bytes: Uint8Array, number: number, from: number): void => {
  write16(bytes, Math.floor(number / 0x1_0000_0000), from)
  write32(bytes, number, from + 2)
}
