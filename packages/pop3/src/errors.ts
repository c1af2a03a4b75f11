import { StoreError, type StoreErrorKind } from '@posthorn/storage'

/** RFC 2449 §8, RFC 3206 §3, §4, §5, RFC 6856 §5. */
export type ResponseCode = 'AUTH' | 'IN-USE' | 'LOGIN-DELAY' | 'SYS/TEMP' | 'SYS/PERM' | 'UTF8'

/** `-ERR [CODE] text` with its line end. */
export function err(text: string, code?: ResponseCode): string {
  return code === undefined ? `-ERR ${text}\r\n` : `-ERR [${code}] ${text}\r\n`
}

/** `+OK text` with its line end. */
export function ok(text = ''): string {
  return text === '' ? '+OK\r\n' : `+OK ${text}\r\n`
}

interface Answer {
  readonly reply: string
  /** To be logged with its stack: ours, not the client's or the disk's. */
  readonly fault: boolean
}

const storeAnswers: Readonly<Partial<Record<StoreErrorKind, string>>> = {
  'in-use': err('Mailbox is locked by another session.', 'IN-USE'),
  'no-space': err('Not enough disk space.', 'SYS/TEMP'),
  'read-only': err('Mailbox is read-only for now.', 'SYS/TEMP'),
  corrupt: err('Mailbox is damaged; the administrator has been told.', 'SYS/PERM'),
  closed: err('Server shutting down.', 'SYS/TEMP'),
  'no-such-message': err('Message is gone.', 'SYS/TEMP'),
  'no-such-mailbox': err('Mailbox is gone.', 'SYS/TEMP'),
  'no-such-account': err('Account is gone.', 'SYS/PERM'),
}

/** What the client hears of an exception. */
export function answerError(error: unknown): Answer {
  const kind = error instanceof StoreError ? error.kind : undefined
  const known = kind === undefined ? undefined : storeAnswers[kind]
  if (known !== undefined) return { reply: known, fault: kind === 'corrupt' || kind === 'read-only' }
  return {
    reply: err('Internal error occurred. Refer to server log for more information.', 'SYS/TEMP'),
    fault: true,
  }
}
