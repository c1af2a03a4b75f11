/** Where octets beyond ASCII are refused. Postfix: strict_7bit_headers, strict_8bitmime_body. */
export interface EightBitRules {
  readonly header: 'taken' | 'refused'
  /** 'refused': in text that no Content-Transfer-Encoding announces. */
  readonly body: 'taken' | 'refused'
}

/** Where the first one stands from there on; the length of the octets: nowhere. */
export function eightBitAt(octets: Uint8Array, from: number): number {
  for (let at = from; at < octets.length; at++) if ((octets[at] as number) > 127) return at
  return octets.length
}

const announced: ReadonlySet<string> = new Set(['8bit', 'binary', 'base64', 'quoted-printable'])

/** Whether text of this Content-Transfer-Encoding has to be ASCII: what is unknown counts as 7bit, as in Postfix. */
export const isSevenBit = (encoding: string): boolean => !announced.has(encoding)
