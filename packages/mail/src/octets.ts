/**
 * Octets as a string: each character is one octet (0–255), as Node's latin1 encoding gives. Header octets are
 * kept so until somebody asks for text: cheap to cut and compare, and nothing is lost.
 */
export type OctetString = string

export const octetsOf = (bytes: Uint8Array): OctetString => asBuffer(bytes).toString('latin1')

export const bytesOfOctets = (octets: OctetString): Buffer => Buffer.from(octets, 'latin1')

/** The same memory as a Buffer. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Of a hexadecimal digit; -1 for anything else, and for NaN. */
export const hexValue = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
