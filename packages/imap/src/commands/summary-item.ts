import { writeStructure } from '../wire/body-structure.ts'
import { writeEnvelope } from '../wire/envelope.ts'
import type { FetchItem, SectionItem } from '../wire/fetch-items.ts'
import type { ResponseWriter } from '../wire/response.ts'
import type { FieldSelections } from './field-selections.ts'
import type { MessageView } from './message-view.ts'
import { writeFields } from './section-octets.ts'

/** ENVELOPE, BODY, BODYSTRUCTURE, or header fields that the summary keeps. */
export type SummaryItem = SectionItem | { readonly kind: 'envelope' | 'body' | 'body-structure' }

/** Where everything is in columns or summaries, this says in which. */
export function isSummaryItem(item: FetchItem): item is SummaryItem {
  const { kind } = item
  return kind === 'section' || kind === 'envelope' || kind === 'body' || kind === 'body-structure'
}

/** The item with its name. */
export function writeSummaryItem(
  writer: ResponseWriter,
  item: SummaryItem,
  message: MessageView,
  selections: FieldSelections,
): void {
  const { reader } = message
  switch (item.kind) {
    case 'envelope':
      writer.text('ENVELOPE ')
      reader.toEnvelope()
      writeEnvelope(writer, reader)
      return
    case 'body':
    case 'body-structure':
      writer.text(item.kind === 'body' ? 'BODY ' : 'BODYSTRUCTURE ')
      reader.toStructure()
      writeStructure(writer, reader, item.kind)
      return
    case 'section': {
      writer.text(item.label).text(' ')
      const selection = selections.of(item)
      selection.add(message.prefix, 0, message.prefix.length)
      selection.add(reader.bytes, reader.fieldsStart, reader.fieldsEnd)
      writeFields(writer, selection, item.partial, message.nul)
    }
  }
}
