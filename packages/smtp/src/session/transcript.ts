import type { SmtpSession } from '../handler.ts'

const keptLines = 400

/** Where a transcript is wanted; the oldest lines of a long session go, many at once. */
export function writeDown(
  { transcript }: Pick<SmtpSession, 'transcript'>,
  who: 'In:  ' | 'Out: ',
  text: string,
): void {
  if (transcript === undefined) return
  if (transcript.length >= 2 * keptLines) transcript.splice(0, keptLines)
  transcript.push(who + text)
}
