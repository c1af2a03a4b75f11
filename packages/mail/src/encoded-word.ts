import type { OctetString } from './octets.ts'
/** RFC 2047 words and raw UTF-8 → text. Never throws. */
export const decodeWords = (octets: OctetString): string => octets
/** Text → RFC 2047 words where needed, never a line end. */
export const encodeWords = (text: string): string => text
