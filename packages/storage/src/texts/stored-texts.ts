import { workTurns } from '../work-turns.ts'
import { answer } from './answer.ts'
import type { TextNeedle } from './needle.ts'
import { scanTexts } from './scan-texts.ts'
import type { TextGeneration, WantedTexts } from './text-generation.ts'
import type { TextShelf } from './text-shelf.ts'

/**
 * Whether the kept text of each message contains the needle: `answer.unknown` where no text is kept, or where it
 * is damaged. Such messages have to be read themselves.
 */
export const answerFromTexts = async (
  shelf: TextShelf,
  account: number,
  wanted: WantedTexts,
  needle: TextNeedle,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> => {
  const texts = shelf.of(account)
  if (texts === undefined) return new Uint8Array(wanted.messageIds.length)
  texts.retain()
  try {
    if (workTurns.isOver) await workTurns.between()
    const located = texts.locate(wanted)
    const found = await scanFor(texts, located, needle, signal)
    if (workTurns.isOver) await workTurns.between()
    const answers = new Uint8Array(located.length)
    for (let row = 0; row < answers.length; row++) {
      const record = located[row] as number
      if (record >= 0) answers[row] = found[record] as number
    }
    return answers
  } finally {
    texts.release()
  }
}

/** For a small part of an account's messages a column of all of them is not made. */
const columnShare = 0.2

const scanFor = async (
  texts: TextGeneration,
  located: Int32Array,
  needle: TextNeedle,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> => {
  const bodies = new Uint8Array(texts.count)
  if (needle.where === 'body') {
    await scanTexts(texts, 'body', texts.inOrder(located, 'body'), needle, bodies, signal)
    return bodies
  }
  const heads = new Uint8Array(texts.count)
  if (needle.where === 'field' && located.length >= texts.count * columnShare) {
    const column = await texts.fields.of(texts, needle.name as Buffer, signal)
    if (column !== undefined) {
      column.search(needle.octets, heads)
      return heads
    }
  }
  await scanTexts(texts, 'head', texts.inOrder(located, 'head'), needle, heads, signal)
  if (needle.where === 'field') return heads
  const rest = located.map((record) => (record >= 0 && heads[record] === answer.yes ? -1 : record))
  await scanTexts(texts, 'body', texts.inOrder(rest, 'body'), needle, bodies, signal)
  return heads.map((head, record) => {
    if (head === answer.yes || bodies[record] === answer.yes) return answer.yes
    return head === answer.no && bodies[record] === answer.no ? answer.no : answer.unknown
  })
}
