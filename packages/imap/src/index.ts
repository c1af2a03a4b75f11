/** IMAP4rev1 and IMAP4rev2: wire, session, commands. */
export { aclTarget, identifierOf, rightsChange, rightsText } from './commands/acl-text.ts'
export { listingMaker } from './listing/listing-format.ts'
export { createImapService, type ImapParts, type ImapService } from './server.ts'
export type { ClientQuirk, Workaround } from './session/client-quirks.ts'
export { defaultImapOptions, type ImapOptions } from './session/options.ts'
/** Mailbox names in modified UTF-7: RFC 3501 §5.1.3. */
export { decodeMailboxName, encodeMailboxName } from './wire/mailbox-name.ts'
