import { printableAscii } from './printable.ts'

/** `<20261121223500.A1B2C3@host>`, as Postfix makes them. RFC 5322 §3.6.4. */
export const makeMessageId = (nowMs: number, queueId: string, host: string): string => {
  const stamp = new Date(nowMs).toISOString().replace(/\D/g, '').slice(0, 14)
  const safe = (text: string): string => printableAscii(text).replace(/[^A-Za-z0-9.:[\]_-]/g, '')
  return `<${stamp}.${safe(queueId)}@${safe(host)}>`
}
