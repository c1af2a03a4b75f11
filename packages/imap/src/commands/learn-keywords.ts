import type { MessageBatch } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import type { FetchOutput } from './fetch-output.ts'

/**
 * Others may have given these messages keywords since the last news: their FLAGS must not come without them, least of
 * all with a MODSEQ that says that this is all (RFC 7162 §3.1.4). The FLAGS response goes before (RFC 9051 §7.3.5).
 * @param batch that was read, and of which nothing is written yet
 */
export async function learnKeywords(
  session: SelectedSession,
  output: FetchOutput,
  batch: MessageBatch,
): Promise<void> {
  if (session.mailbox.flagTexts.nameAll(batch)) return
  // Not between the pieces of a row.
  await output.flush()
  learnAtOnce(session, batch)
}

/** The same, where nothing was written yet. */
export function learnAtOnce({ mailbox, store }: SelectedSession, batch: MessageBatch): void {
  if (mailbox.flagTexts.nameAll(batch)) return
  const keywords = store.messages.keywordsNow(mailbox.id)
  if (keywords !== undefined) mailbox.updateKeywords(keywords)
}
