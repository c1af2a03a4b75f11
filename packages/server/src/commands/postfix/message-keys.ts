import type { Options } from '../getopt.ts'

/** What becomes a key: `-h` header fields, `-b` body lines, `-m` those of parts and attached messages too. */
export type MessageKeys = 'whole lines' | ReadonlySet<'header' | 'body' | 'mime'>

export function messageKeysOf(options: Options): MessageKeys {
  const wanted = new Set<'header' | 'body' | 'mime'>()
  if (options.has('h')) wanted.add('header')
  if (options.has('b')) wanted.add('body')
  if (wanted.size > 0 && options.has('m')) wanted.add('mime')
  return wanted.size === 0 ? 'whole lines' : wanted
}

/** The keys that header_checks and body_checks would ask for. Postfix: postmap -h, -b, -m. */
export async function keysOf(input: Buffer, wanted: MessageKeys): Promise<readonly string[]> {
  if (wanted === 'whole lines') {
    const lines = input.toString('utf8').split('\n')
    if (lines.at(-1) === '') lines.pop()
    return lines.map((line) => line.replace(/\r$/, ''))
  }
  const { MimeUnits } = await import('@posthorn/mta')
  const keys: string[] = []
  const take = (kind: 'header' | 'body', unit: Buffer): Buffer => {
    if (wanted.has(kind))
      keys.push(
        unit
          .toString('utf8')
          .replace(/\r?\n$/, '')
          .replaceAll('\r\n', '\n'),
      )
    return unit
  }
  const isMime = wanted.has('mime')
  const units = new MimeUnits(
    {
      field: (unit) => take('header', unit),
      line: (unit) => take('body', unit),
      separator: (unit) => take('body', unit),
      suspectAt: (_, from) => from,
      wants: (what) => what === 'lines' || isMime,
      tooDeep: () => {},
    },
    { fieldBytes: 102_400, depth: isMime ? 100 : 0, boundaryBytes: 2_048 },
  )
  units.push(input)
  units.finish()
  return keys
}
