import { encodeMailboxName } from '../wire/mailbox-name.ts'

/** A mailbox name in a response: modified UTF-7, quoted where it is not an atom. RFC 3501 §5.1. */
export function mailboxText(name: string): string {
  const encoded = encodeMailboxName(name)
  if (/^[\w.+&,/:;=@-]+$/.test(encoded) && encoded.toUpperCase() !== 'NIL') return encoded
  return quoted(encoded)
}

export function quoted(ascii: string): string {
  return `"${ascii.replace(/["\\]/g, '\\$&')}"`
}
