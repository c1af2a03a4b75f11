import { setTimeout as pause } from 'node:timers/promises'
import { DotStuffer } from '../wire/dot-stuffer.ts'
import type { RemoteConnection } from './connection.ts'
import type { Stage } from './failure.ts'
import type { OutgoingMail } from './outgoing-mail.ts'
import { TransferBudget } from './transfer-budget.ts'

const writeBytes = 65_536
const defaultLineLengthBytes = 998

/** Longest header looked at. */
const maxHeaderBytes = 131_072

/** RFC 6531 §3.4: such a header is no mail for a server without SMTPUTF8. */
export const hasWideHeader = async (content: ReturnType<OutgoingMail['content']>): Promise<boolean> => {
  let lineLength = 0
  let octets = 0
  for await (const chunk of content) {
    for (const octet of chunk) {
      if (octet > 0x7f) return true
      if (octet === 0x0a) {
        if (lineLength === 0) return false
        lineLength = 0
      } else if (octet !== 0x0d) lineLength++
      if (++octets >= maxHeaderBytes) return false
    }
  }
  return false
}

/**
 * A message after 354, in few writes: small pieces are gathered, the end of the data goes with the last of them. What
 * `content` throws is thrown, and the connection has ended then.
 */
export const sendContent = async (
  connection: RemoteConnection,
  mail: OutgoingMail,
  how: {
    readonly lineLengthLimitBytes: number | undefined
    readonly stage: (stage: Stage, timeoutMs: number) => void
  },
): Promise<void> => {
  const { timeouts, pix } = connection
  const stuffer = new DotStuffer(how.lineLengthLimitBytes ?? defaultLineLengthBytes)
  let gathered: Uint8Array[] = []
  let gatheredBytes = 0
  const budget = new TransferBudget(timeouts)
  const gather = (chunk: Uint8Array): void => {
    const piece = stuffer.push(chunk)
    gathered.push(piece)
    gatheredBytes += piece.length
  }
  const flush = async (): Promise<boolean> => {
    how.stage('sending message body', budget.leftMs())
    const fed = await connection.feed(gathered)
    budget.sent(gatheredBytes)
    gathered = []
    gatheredBytes = 0
    return fed
  }
  try {
    const narrow = connection.has('8BITMIME') ? undefined : mail.sevenBitContent?.()
    const content = narrow ?? mail.content()
    if (Symbol.iterator in content) {
      for (const chunk of content) {
        gather(chunk)
        if (gatheredBytes >= writeBytes && !(await flush())) return
      }
    } else {
      for await (const chunk of content) {
        gather(chunk)
        if (gatheredBytes >= writeBytes && !(await flush())) return
      }
    }
    // Postfix: smtp_pix_workarounds: the dot must come in a packet of its own, and only mail that failed before waits for it.
    if (pix?.words.includes('delay_dotcrlf') === true && (mail.waitedMs ?? 0) > pix.thresholdMs) {
      if (!(await flush())) return
      await pause(pix.delayMs)
    }
    gathered.push(stuffer.finish())
    how.stage('sending end of data -- message may be sent more than once', timeouts.dataDoneMs)
    await connection.feed(gathered)
  } catch (error) {
    // Half a message must never be ended with a dot.
    connection.close()
    throw error
  }
}
