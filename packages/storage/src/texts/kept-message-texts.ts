import { readGroups, type TextGroup } from './read-groups.ts'
import type { TextFile, TextGeneration, WantedTexts } from './text-generation.ts'
import type { TextShelf } from './text-shelf.ts'

/** As `MessageTexts` gives them; between two texts of one place stands a sign that is in no word. */
export interface KeptText {
  readonly place: 'header' | 'body'
  readonly text: string
}

/** In memory at a time. */
const maxOctets = 2 * 1024 * 1024

/** The kept texts of messages (rows of `wanted`) one after the other; those without are left out. */
export async function* keptMessageTexts(
  shelf: TextShelf,
  account: number,
  wanted: WantedTexts,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly row: number; readonly texts: readonly KeptText[] }> {
  const texts = shelf.of(account)
  if (texts === undefined) return
  texts.retain()
  try {
    const located = texts.locate(wanted)
    for (let from = 0; from < located.length; ) {
      const to = endOfSlice(texts, located, from)
      const slice = located.subarray(from, to)
      const heads = new Map<number, readonly KeptText[]>()
      const bodies = new Map<number, readonly KeptText[]>()
      await readTexts(texts, 'head', slice, heads, signal)
      await readTexts(texts, 'body', slice, bodies, signal)
      for (let row = from; row < to; row++) {
        const head = heads.get(located[row] as number)
        const body = bodies.get(located[row] as number)
        if (head !== undefined && body !== undefined) yield { row, texts: [...head, ...body] }
      }
      from = to
    }
  } finally {
    texts.release()
  }
}

const endOfSlice = (texts: TextGeneration, located: Int32Array, from: number): number => {
  let octets = 0
  let to = from
  while (to < located.length && octets < maxOctets) {
    const record = located[to++] as number
    if (record < 0) continue
    for (const file of ['head', 'body'] as const) {
      const { starts, ends } = texts.placesIn(file)
      octets += (ends[record] as number) - (starts[record] as number)
    }
  }
  return to
}

const readTexts = async (
  texts: TextGeneration,
  file: TextFile,
  located: Int32Array,
  found: Map<number, readonly KeptText[]>,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const records = texts.inOrder(located, file)
  const { starts, ends } = texts.placesIn(file)
  await readGroups(texts, file, records, signal, (group: TextGroup, bytes: Buffer) => {
    for (let at = group.from; at < group.to; at++) {
      const record = records[at] as number
      const from = (starts[record] as number) - group.start
      const end = (ends[record] as number) - group.start
      const text = bytes.subarray(from, end)
      if (end > bytes.length || !texts.check(record, text, file)) continue
      if (file === 'head') found.set(record, [{ place: 'header', text: text.toString() }])
      else {
        const bodyAt = (texts.bodyStarts[record] as number) - group.start - from
        found.set(record, [
          { place: 'header', text: text.toString('utf8', 0, bodyAt) },
          { place: 'body', text: text.toString('utf8', bodyAt) },
        ])
      }
    }
  })
}
