/** What the dialogues of the two servers begin with. */
import type { Say } from './matrix-peers.ts'

export const hello = 'EHLO client.example.net'
export const from = 'MAIL FROM:<a@example.net>'
export const trusted = 'mynetworks = 127.0.0.0/8'
export const ours = 'RCPT TO:<daemon@example.org>'
export const elsewhere = 'RCPT TO:<x@example.com>'
export const message = (subject: string): Say => ({ message: `Subject: ${subject}\n\ntext` })
/** Up to DATA. */
export const sent = (...recipients: readonly string[]): readonly string[] => [
  hello,
  from,
  ...recipients,
  'DATA',
]
