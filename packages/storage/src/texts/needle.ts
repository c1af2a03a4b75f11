/** What is looked for in folded texts. */
export interface TextNeedle {
  readonly where: 'body' | 'everywhere' | 'field'
  /** Folded, UTF-8, not empty (but for a field: '' asks for its presence). */
  readonly octets: Buffer
  /** With 'field': its name, folded. */
  readonly name: Buffer | undefined
}

/**
 * A needle is found by looking for its rarest part, because native search goes from one first octet to the
 * next: text is full of E and blanks, and has few Q.
 */
export interface Probe {
  readonly octets: Buffer
  /** Octets of the needle before it. */
  readonly offset: number
}

/** Octets of folded mail, the most frequent first; all others are rare. */
const frequent = Buffer.from(' TEOAIRNSLMHPUDGCXFY\n2B.1W0V6-;:\r9K3J584Z7<>@=\t/"Q,()+[]_')
const rank = new Uint8Array(256)
for (let i = 0; i < frequent.length; i++) rank[frequent[i] as number] = 255 - i * 3

/** Shorter ones are found too often. */
const minProbeBytes = 3

export const probeOf = (needle: Buffer): Probe => {
  let best = 0
  for (let at = 1; at <= needle.length - minProbeBytes; at++) {
    if ((rank[needle[at] as number] as number) < (rank[needle[best] as number] as number)) best = at
  }
  return { octets: needle.subarray(best), offset: best }
}
