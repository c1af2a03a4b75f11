import type { Part } from './structure.ts'
import { maxSummaryDepth } from './summary-decode.ts'
import { extension } from './summary-format.ts'
import type { SummaryReader } from './summary-reader.ts'

type Place = Pick<Part, 'headerStart' | 'bodyStart' | 'bodyEnd'>

/** Of a part, and of those in it, only where they are. Every `Part` is one. */
export type PartPlace =
  | (Place & { readonly kind: 'text' | 'other' })
  | (Place & { readonly kind: 'message'; readonly content: PartPlace })
  | (Place & { readonly kind: 'multipart'; readonly children: readonly PartPlace[] })

/** Where the parts of an opened summary's message are. Throws RangeError when it is damaged. */
export const readPartPlaces = (reader: SummaryReader): PartPlace => {
  reader.toStructure()
  return readPlace(reader, 0, 0)
}

const readPlace = (reader: SummaryReader, before: number, depth: number): PartPlace => {
  if (depth > maxSummaryDepth) throw new RangeError('Cannot read summary: too deep')
  reader.part()
  const { kind, extensions } = reader
  const headerStart = before + reader.gapBytes
  const bodyStart = headerStart + reader.partHeaderBytes
  const bodyEnd = bodyStart + reader.bodyBytes
  if (kind === 'multipart') {
    const children: PartPlace[] = []
    let end = bodyStart
    for (let count = reader.number(); count > 0; count--) {
      const child = readPlace(reader, end, depth + 1)
      children.push(child)
      end = child.bodyEnd
    }
    reader.skipString()
    reader.skipParameters()
    reader.skipExtensions(extensions)
    return { kind, headerStart, bodyStart, bodyEnd, children }
  }
  reader.skipString()
  reader.skipString()
  reader.skipParameters()
  if ((extensions & extension.id) !== 0) reader.skipString()
  if ((extensions & extension.description) !== 0) reader.skipString()
  reader.skipString()
  let content: PartPlace | undefined
  if (kind === 'message') {
    reader.skipEnvelope()
    content = readPlace(reader, bodyStart, depth + 1)
  }
  if ((extensions & extension.md5) !== 0) reader.skipString()
  reader.skipExtensions(extensions)
  if (content !== undefined) return { kind: 'message', headerStart, bodyStart, bodyEnd, content }
  return { kind: kind === 'text' ? 'text' : 'other', headerStart, bodyStart, bodyEnd }
}
