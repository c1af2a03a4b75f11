import { DotStuffer } from '../wire/dot-stuffer.ts'
import { isFailure, type Told } from './awaited-replies.ts'
import type { RemoteConnection } from './connection.ts'
import type { OutgoingMail } from './outgoing-mail.ts'
import { TransferBudget } from './transfer-budget.ts'

/** A server that refuses a message does so before the next of these has left. */
const chunkBytes = 1 << 20
const defaultLineLengthBytes = 998

/**
 * A message by BDAT. RFC 3030 §2: no dots are stuffed, and each chunk is answered, so that a server that does not want it
 * need not be sent the rest. The answer to the last chunk, or the first one that is no yes.
 */
export const sendChunks = async (
  connection: RemoteConnection,
  mail: OutgoingMail,
  lineLengthLimitBytes: number | undefined,
): Promise<Told> => {
  const lines = new DotStuffer(lineLengthLimitBytes ?? defaultLineLengthBytes, 'kept')
  let pieces: Uint8Array[] = []
  let sizeBytes = 0
  const budget = new TransferBudget(connection.timeouts)
  const send = async (last: '' | ' LAST'): Promise<Told> => {
    const { timeouts } = connection
    const { all, stage } = connection.replies(1)
    stage('sending message body', budget.leftMs())
    await connection.feed([Buffer.from(`BDAT ${sizeBytes}${last}\r\n`), ...pieces])
    budget.sent(sizeBytes)
    pieces = []
    sizeBytes = 0
    const isLast = last !== ''
    stage(
      isLast ? 'sending end of data -- message may be sent more than once' : 'sending message body',
      isLast ? timeouts.dataDoneMs : timeouts.dataXferMs,
    )
    return (await all)[0] as Told
  }
  const take = (piece: Uint8Array): void => {
    pieces.push(piece)
    sizeBytes += piece.length
  }
  try {
    const narrow = connection.has('8BITMIME') ? undefined : mail.sevenBitContent?.()
    for await (const chunk of narrow ?? mail.content()) {
      take(lines.push(chunk))
      if (sizeBytes < chunkBytes) continue
      const told = await send('')
      if (isFailure(told) || told.code >= 300) return told
    }
    take(lines.finish())
    return await send(' LAST')
  } catch (error) {
    // Half a message must never be taken for a whole one.
    connection.close()
    throw error
  }
}
