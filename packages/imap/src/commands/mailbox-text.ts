import type { Extension } from '../session/session.ts'
import { encodeMailboxName } from '../wire/mailbox-name.ts'

/** Anything that knows what was enabled. */
export interface NameReader {
  enabled(extension: Extension): boolean
}

/** Mailbox names go both ways as UTF-8: RFC 9051 §5.1, RFC 6855 §3. */
export function readsUtf8(client: NameReader): boolean {
  return client.enabled('IMAP4rev2') || client.enabled('UTF8=ACCEPT')
}

/**
 * A mailbox name in a response, quoted where it is not an atom: UTF-8 for who enabled it, else modified UTF-7
 * (RFC 3501 §5.1.3).
 */
export function mailboxText(name: string, client: NameReader): string {
  const encoded = readsUtf8(client) ? name : encodeMailboxName(name)
  if (/^[\w.+&,/:;=@-]+$/.test(encoded) && encoded.toUpperCase() !== 'NIL') return encoded
  return quoted(encoded)
}

/** An atom where it is one, a quoted string where it may be, else a literal of UTF-8. RFC 9051 §9 astring. */
export function astringText(text: string): string {
  if (/^[\w.+$&,/:;=@-]+$/.test(text) && text.toUpperCase() !== 'NIL') return text
  if (/^[\x20-\x7e]*$/.test(text)) return quoted(text)
  return `{${Buffer.byteLength(text)}}\r\n${text}`
}

export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
