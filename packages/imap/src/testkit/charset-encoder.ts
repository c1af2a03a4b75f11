/** Text → octets in the charsets of old mail, by turning Node's decoders around. */

const tables = new Map<string, ReadonlyMap<string, readonly number[]>>()

export type TestCharset = 'utf-8' | 'gb18030' | 'big5' | 'euc-kr' | 'iso-2022-jp' | 'koi8-r' | 'iso-8859-1'

export function encodeCharset(text: string, charset: TestCharset): Buffer {
  if (charset === 'utf-8') return Buffer.from(text)
  const table = tableOf(charset)
  const octets: number[] = []
  let shifted = false
  const shift = (to: boolean): void => {
    if (charset !== 'iso-2022-jp' || shifted === to) return
    octets.push(0x1b, ...(to ? [0x24, 0x42] : [0x28, 0x42]))
    shifted = to
  }
  for (const character of text) {
    const code = character.codePointAt(0) as number
    shift(code >= 0x80)
    const encoded = code < 0x80 ? [code] : table.get(character)
    if (encoded === undefined) throw new RangeError(`${charset} has no ${character}`)
    octets.push(...encoded)
  }
  shift(false)
  return Buffer.from(octets)
}

function tableOf(charset: TestCharset): ReadonlyMap<string, readonly number[]> {
  const known = tables.get(charset)
  if (known !== undefined) return known
  const table = new Map<string, readonly number[]>()
  const decoder = new TextDecoder(charset)
  const learn = (octets: readonly number[], wire: readonly number[]): void => {
    const text = decoder.decode(Uint8Array.from(wire))
    if ([...text].length === 1 && text !== '\ufffd' && !table.has(text)) table.set(text, octets)
  }
  for (let lead = 0x21; lead < 0xff; lead++) {
    if (charset === 'koi8-r' || charset === 'iso-8859-1') {
      if (lead >= 0x80) learn([lead], [lead])
      continue
    }
    if (charset === 'iso-2022-jp' ? lead >= 0x7f : lead < 0x81) continue
    for (let trail = 0x21; trail < 0xff; trail++) {
      const octets = [lead, trail]
      if (charset !== 'iso-2022-jp') learn(octets, octets)
      else if (trail < 0x7f) learn(octets, [0x1b, 0x24, 0x42, ...octets, 0x1b, 0x28, 0x42])
    }
  }
  tables.set(charset, table)
  return table
}
