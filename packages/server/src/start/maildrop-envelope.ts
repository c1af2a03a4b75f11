/** A file in the maildrop: its name, and the first line, which is the envelope as JSON. */
import { readSync } from 'node:fs'
import type { Submission } from '@posthorn/mta'

/** Of the first line: 1,000 recipients of 320 octets. */
export const maxEnvelopeBytes = 1 << 20
/** As maildrop-file.ts names them. */
export const maildropName = /^[0-9a-f]{32}$/

/** What a user may say of his mail. */
export type MaildropMail = Pick<Submission, 'sender' | 'recipients' | 'options' | 'verp' | 'context'> & {
  readonly verify?: 'only'
}

export interface MaildropEnvelope {
  readonly submission: MaildropMail
  readonly lengthBytes: number
}

/** What the first line of a file in the maildrop says; undefined when it is none. */
export function readEnvelope(fd: number): MaildropEnvelope | undefined {
  const head = Buffer.alloc(maxEnvelopeBytes)
  const length = readSync(fd, head, 0, head.length, 0)
  const end = head.subarray(0, length).indexOf(0x0a)
  if (end === -1) return undefined
  try {
    const submission = envelopeOf(JSON.parse(head.toString('utf8', 0, end)))
    return submission === undefined ? undefined : { submission, lengthBytes: end + 1 }
  } catch {
    return undefined
  }
}

const notifyWords = ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'] as const

/** Nothing a user wrote goes further than what is known here. */
function envelopeOf(value: unknown): MaildropMail | undefined {
  const { sender, recipients, options, verp, verify, context } = (value ?? {}) as Record<string, unknown>
  if (typeof sender !== 'string' || !Array.isArray(recipients)) return undefined
  const known = recipients.flatMap((one: unknown) => {
    const { address, notify, originalRecipient: original } = (one ?? {}) as Record<string, unknown>
    if (typeof address !== 'string') return []
    const words = Array.isArray(notify) ? notifyWords.filter((word) => notify.includes(word)) : []
    const isOriginal = typeof original === 'string' && /^[!-~]{1,500}$/.test(original)
    return [
      {
        address,
        ...(words.length === 0 ? {} : { notify: words }),
        ...(isOriginal ? { originalRecipient: original } : {}),
      },
    ]
  })
  const { ret, envid, body, trace } = (options ?? {}) as Record<string, unknown>
  return {
    sender,
    recipients: known,
    ...verpOf(verp),
    ...(verify === 'only' ? { verify } : {}),
    ...(context === 'remote' ? { context } : {}),
    options: {
      ...(ret === 'FULL' || ret === 'HDRS' ? { ret } : {}),
      ...(typeof envid === 'string' && /^[!-~]{1,100}$/.test(envid) ? { envid } : {}),
      ...(body === '8BITMIME' ? { body } : {}),
      ...(trace === 'first-attempt' ? { trace } : {}),
    },
  }
}

/** Whether those characters may delimit is asked when the message is taken. */
function verpOf(value: unknown): Pick<Submission, 'verp'> {
  if (value === 'default') return { verp: 'default' }
  const { delimiters } = (value ?? {}) as Record<string, unknown>
  return typeof delimiters === 'string' && delimiters.length === 2 ? { verp: { delimiters } } : {}
}
