import { type FetchItem, isDecoded } from '../wire/fetch-items.ts'
import { decodedSource } from './decoded-items.ts'
import type { MessageView } from './message-view.ts'
import { octetRange } from './section-octets.ts'

/** Behind so many octets of a stored message, its trace prefix counted, no item needs any. */
export function endOfItems(items: readonly FetchItem[], message: MessageView): number {
  let end = 0
  for (const item of items) {
    if (item.kind === 'section')
      end = Math.max(end, octetRange(item, message, message.prefix.length)?.end ?? 0)
    else if (isDecoded(item)) end = Math.max(end, decodedSource(item, message)?.end ?? 0)
  }
  return end
}
